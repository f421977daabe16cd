package adminclient

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// DefaultMetrics is what foobar-metrics.socket makes of the metrics' address.
const DefaultMetrics = "http://127.0.0.1:8081/metrics"

// Stats are the metrics that describe a service. A time is zero where the
// service has nothing to date.
type Stats struct {
	Version  string
	Started  time.Time
	Resident float64 // memory, in bytes

	StateSize    float64 // bytes
	StateWritten time.Time

	Responses map[byte]float64 // by the first digit of their status code
	InFlight  float64          // requests
	Refused   float64          // connections and requests that ended without a response

	CertificateExpiry time.Time
	Loaded            time.Time // when configuration and credentials were loaded
	ReloadRejected    bool      // a later reload was rejected
}

const (
	// statsTimeout limits how long the metrics may take.
	statsTimeout = 10 * time.Second
	// maxStats is many times the size of the metrics, in bytes.
	maxStats = 1 << 20
)

// ReadStats reads the metrics at an address such as DefaultMetrics. The error is
// ErrAddress where it is not a URL of that form.
func ReadStats(address string) (Stats, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" || u.Hostname() == "" {
		return Stats{}, &clientError{ErrAddress, "the address of the metrics is not a URL such as " + DefaultMetrics}
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	hostPort := net.JoinHostPort(u.Hostname(), port)
	conn, err := net.DialTimeout("tcp", hostPort, statsTimeout)
	if err != nil {
		return Stats{}, dialError(err, hostPort, "-metrics")
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(statsTimeout)); err != nil {
		return Stats{}, err
	}
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return Stats{}, err
	}
	req.Close = true
	req.Header.Set("User-Agent", "foobar")
	resp, err := roundTrip(conn.(*net.TCPConn), req)
	if err != nil {
		return Stats{}, err
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxStats))
	if err != nil {
		return Stats{}, fmt.Errorf("read the metrics: %w", err)
	}
	return parseStats(bytes.NewReader(text))
}

var errNotFoobar = errors.New("the server at this address has no metrics of foobar")

func parseStats(text io.Reader) (Stats, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	parsed, err := parser.TextToMetricFamilies(text)
	if err != nil {
		return Stats{}, errNotFoobar
	}
	m := families(parsed)
	build := m.metrics("foobar_build_info")
	if len(build) != 1 {
		return Stats{}, errNotFoobar
	}
	stats := Stats{
		Version:           escapeTerminal(label(build[0], "version")),
		Started:           m.time("process_start_time_seconds"),
		Resident:          m.sum("process_resident_memory_bytes"),
		StateSize:         m.sum("foobar_state_size_bytes"),
		StateWritten:      m.time("foobar_state_last_write_timestamp_seconds"),
		Responses:         map[byte]float64{},
		InFlight:          m.sum("foobar_http_requests_in_flight"),
		Refused:           m.sum("foobar_http_requests_refused_total"),
		CertificateExpiry: m.time("foobar_tls_certificate_not_after_timestamp_seconds"),
		Loaded:            m.time("foobar_config_last_reload_success_timestamp_seconds"),
		ReloadRejected:    m.sum("foobar_config_last_reload_successful") == 0,
	}
	for _, metric := range m.metrics("foobar_http_requests_total") {
		if code := label(metric, "code"); code != "" {
			stats.Responses[code[0]] += value(metric)
		}
	}
	return stats, nil
}

// families are metric families by name.
type families map[string]*dto.MetricFamily

func (m families) metrics(name string) []*dto.Metric { return m[name].GetMetric() }

// sum returns the sum of a family's gauges or counters over all labels.
func (m families) sum(name string) float64 {
	total := 0.0
	for _, metric := range m.metrics(name) {
		total += value(metric)
	}
	return total
}

// time returns the value of a gauge that is a Unix time, 0 for none.
func (m families) time(name string) time.Time {
	seconds := m.sum(name)
	if seconds == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(seconds * 1000))
}

// value returns the value of a gauge or a counter.
func value(m *dto.Metric) float64 { return m.GetGauge().GetValue() + m.GetCounter().GetValue() }

// label returns the value of a metric's label, empty where it has no such label.
func label(m *dto.Metric, name string) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}
