package adminclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// DefaultMetrics is what foobar-metrics.socket makes of the metrics' address.
const DefaultMetrics = "http://127.0.0.1:8081/metrics"

// Metrics describe a service.
type Metrics struct {
	Version   string
	Responses map[byte]float64 // by the first digit of their status code
	// Values are the gauges and counters by their names, each the sum over all
	// labels.
	Values map[string]float64
}

// Time returns the value of a gauge that is a Unix time. It is the zero time where
// the service has nothing to date.
func (m Metrics) Time(name string) time.Time {
	if m.Values[name] == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(m.Values[name] * 1000))
}

const (
	// metricsTimeout limits how long the metrics may take.
	metricsTimeout = 10 * time.Second
	// maxMetrics is many times the size of the metrics, in bytes.
	maxMetrics = 1 << 20
)

// ReadMetrics reads the metrics at an address such as DefaultMetrics.
func ReadMetrics(address string) (Metrics, error) {
	ctx, cancel := context.WithTimeout(context.Background(), metricsTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return Metrics{}, err
	}
	resp, err := roundTrip(req, "-metrics", new(net.Dialer).DialContext)
	if err != nil {
		return Metrics{}, err
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxMetrics))
	if err != nil {
		return Metrics{}, fmt.Errorf("the metrics ended early, as on a machine that is overloaded or a service that stops; try again: %w", err)
	}
	return parseMetrics(bytes.NewReader(text))
}

func parseMetrics(text io.Reader) (Metrics, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(text)
	if err != nil {
		return Metrics{}, fmt.Errorf("the server at this address has no metrics of foobar: %w", err)
	}
	samples, err := expfmt.ExtractSamples(&expfmt.DecodeOptions{}, slices.Collect(maps.Values(families))...)
	if err != nil {
		return Metrics{}, err
	}
	m := Metrics{Responses: map[byte]float64{}, Values: map[string]float64{}}
	for _, sample := range samples {
		name, value := string(sample.Metric[model.MetricNameLabel]), float64(sample.Value)
		m.Values[name] += value
		switch code := sample.Metric["code"]; {
		case name == "foobar_build_info":
			m.Version = escapeTerminal(string(sample.Metric["version"]))
		case name == "foobar_http_requests_total" && code != "":
			m.Responses[code[0]] += value
		}
	}
	if m.Values["foobar_build_info"] != 1 {
		return Metrics{}, errors.New("the server at this address has no metrics of foobar: foobar_build_info is missing")
	}
	return m, nil
}
