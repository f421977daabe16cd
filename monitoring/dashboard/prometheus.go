package dashboard

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Prometheus is a server's HTTP API, https://prometheus.io/docs/prometheus/latest/querying/api/.
type Prometheus struct {
	URL    string
	Client *http.Client
}

// A Line is a time series of an answer. Times are Unix times in seconds.
type Line struct {
	Labels        map[string]string
	Times, Values []float64
}

// Numbers counts the values that are numbers: a rate of nothing has none.
func (l Line) Numbers() (n int) {
	for _, v := range l.Values {
		if !math.IsNaN(v) {
			n++
		}
	}
	return n
}

// An Alert is one that is pending or firing.
type Alert struct {
	State               string
	Labels, Annotations map[string]string
}

// Alerts returns the alerts whose expression holds.
func (p Prometheus) Alerts() ([]Alert, error) {
	var data struct{ Alerts []Alert }
	err := p.get("alerts", nil, &data)
	return data.Alerts, err
}

// Targets returns the health of what is scraped, by URL.
func (p Prometheus) Targets() (map[string]string, error) {
	var data struct {
		ActiveTargets []struct{ ScrapeURL, Health string }
	}
	if err := p.get("targets", nil, &data); err != nil {
		return nil, err
	}
	health := map[string]string{}
	for _, t := range data.ActiveTargets {
		health[t.ScrapeURL] = t.Health
	}
	return health, nil
}

// LabelValues returns the values that a label has in the series of a selector.
func (p Prometheus) LabelValues(label, selector string) (values []string, err error) {
	err = p.get("label/"+label+"/values", url.Values{"match[]": {selector}}, &values)
	return values, err
}

// Range evaluates an expression from one time to another.
func (p Prometheus) Range(expr string, from, to time.Time, step time.Duration) ([]Line, error) {
	return p.query("query_range", url.Values{
		"query": {expr}, "start": {stamp(from)}, "end": {stamp(to)}, "step": {strconv.FormatFloat(step.Seconds(), 'f', -1, 64)},
	})
}

// Instant evaluates an expression at one time.
func (p Prometheus) Instant(expr string, at time.Time) ([]Line, error) {
	return p.query("query", url.Values{"query": {expr}, "time": {stamp(at)}})
}

func stamp(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64) }

func (p Prometheus) query(what string, parameters url.Values) ([]Line, error) {
	var data struct {
		Result []struct {
			Metric map[string]string
			Value  *sample
			Values []sample
		}
	}
	if err := p.get(what, parameters, &data); err != nil {
		return nil, err
	}
	var lines []Line
	for _, r := range data.Result {
		if r.Value != nil {
			r.Values = []sample{*r.Value}
		}
		line := Line{Labels: r.Metric}
		for _, s := range r.Values {
			line.Times = append(line.Times, s.time)
			line.Values = append(line.Values, s.value)
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// A sample is a pair of a number and a string in JSON.
type sample struct{ time, value float64 }

// UnmarshalJSON implements json.Unmarshaler.
func (s *sample) UnmarshalJSON(text []byte) (err error) {
	var value string
	if err := json.Unmarshal(text, &[]any{&s.time, &value}); err != nil {
		return err
	}
	s.value, err = strconv.ParseFloat(value, 64)
	return err
}

func (p Prometheus) get(what string, parameters url.Values, data any) error {
	resp, err := p.Client.Get(p.URL + "/api/v1/" + what + "?" + parameters.Encode())
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var answer struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return fmt.Errorf("%s of Prometheus: %s: %w", what, resp.Status, err)
	}
	if answer.Status != "success" {
		return fmt.Errorf("%s of Prometheus: %s", what, answer.Error)
	}
	return json.Unmarshal(answer.Data, data)
}
