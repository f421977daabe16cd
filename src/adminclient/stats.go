package adminclient

import (
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

// Stats are what the metrics say of the service. A time is zero where there
// is nothing to have one.
type Stats struct {
	Version  string
	Started  time.Time
	Resident float64 // memory, in bytes

	StateSize    float64 // bytes
	StateWritten time.Time

	Answered map[byte]float64 // requests by the first digit of their status code
	InFlight float64
	Refused  float64 // connections and requests that ended before they could be answered

	CertificateExpiry time.Time
	Loaded            time.Time // configuration and credentials
	LoadRefused       bool      // since then, another was refused
}

const (
	// figuresTime is how long the metrics may take.
	figuresTime = 10 * time.Second
	// maxFigures is many times what they are, in bytes.
	maxFigures = 1 << 20
)

// ReadStats reads the metrics at an address such as DefaultMetrics.
func ReadStats(address string) (Stats, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" || u.Host == "" {
		return Stats{}, fmt.Errorf("the metrics' address is not one like %s", DefaultMetrics)
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	place := net.JoinHostPort(u.Hostname(), port)
	conn, err := net.DialTimeout("tcp", place, figuresTime)
	if err != nil {
		return Stats{}, dialed(err, place, "name another address by -metrics")
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(figuresTime)); err != nil {
		return Stats{}, err
	}
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return Stats{}, err
	}
	req.Close = true
	req.Header.Set("User-Agent", "foobar")
	resp, err := exchange(conn.(*net.TCPConn), req)
	if err != nil {
		return Stats{}, err
	}
	return parseFigures(io.LimitReader(resp.Body, maxFigures))
}

var errNotFoobar = errors.New("what answers there has no metrics of foobar")

func parseFigures(text io.Reader) (Stats, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	parsed, err := parser.TextToMetricFamilies(text)
	if err != nil {
		return Stats{}, errNotFoobar
	}
	m := families(parsed)
	build := m.all("foobar_build_info")
	if len(build) != 1 {
		return Stats{}, errNotFoobar
	}
	f := Stats{
		Version:           printable(label(build[0], "version")),
		Started:           m.time("process_start_time_seconds"),
		Resident:          m.sum("process_resident_memory_bytes"),
		StateSize:         m.sum("foobar_state_size_bytes"),
		StateWritten:      m.time("foobar_state_last_write_timestamp_seconds"),
		Answered:          map[byte]float64{},
		InFlight:          m.sum("foobar_http_requests_in_flight"),
		Refused:           m.sum("foobar_http_requests_refused_total"),
		CertificateExpiry: m.time("foobar_tls_certificate_not_after_timestamp_seconds"),
		Loaded:            m.time("foobar_config_last_reload_success_timestamp_seconds"),
		LoadRefused:       m.sum("foobar_config_last_reload_successful") == 0,
	}
	for _, metric := range m.all("foobar_http_requests_total") {
		if code := label(metric, "code"); code != "" {
			f.Answered[code[0]] += value(metric)
		}
	}
	return f, nil
}

// families are metrics by name.
type families map[string]*dto.MetricFamily

func (m families) all(name string) []*dto.Metric { return m[name].GetMetric() }

func (m families) sum(name string) float64 {
	total := 0.0
	for _, metric := range m.all(name) {
		total += value(metric)
	}
	return total
}

// time reads a gauge that is a Unix time, 0 for none.
func (m families) time(name string) time.Time {
	seconds := m.sum(name)
	if seconds == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(seconds * 1000))
}

// value is that of a gauge or a counter.
func value(m *dto.Metric) float64 { return m.GetGauge().GetValue() + m.GetCounter().GetValue() }

func label(m *dto.Metric, name string) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}
