package metrics

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// methods are those that have time series of their own.
var methods = [...]string{"GET", "HEAD", "POST", "PUT", other}

// other is every method beside them, so that clients cannot make time series
// at will.
const other = "other"

// failures are the answers of which every single one matters. They are there as
// 0 from the start: Prometheus takes a counter that appears as 1 for one that
// was 1 all the time.
var failures = map[string][]int{
	"GET":  {http.StatusInternalServerError},
	"POST": {http.StatusInternalServerError, http.StatusServiceUnavailable, http.StatusInsufficientStorage},
	"PUT":  {http.StatusInternalServerError, http.StatusServiceUnavailable, http.StatusInsufficientStorage},
}

// ListenerMetrics counts the requests of one listener. It finds each time series once:
// to look them up for every request would take longer than to read it.
type ListenerMetrics struct {
	metrics  *Metrics
	listener string
	inFlight prometheus.Gauge
	series   [len(methods)]series
}

// A series is what is counted of one method.
type series struct {
	duration, requestSize, responseSize prometheus.Observer
	codes                               [600]atomic.Pointer[prometheus.Counter]
}

// Listener returns the counters of a listener.
func (m *Metrics) Listener(listener string) *ListenerMetrics {
	t := &ListenerMetrics{metrics: m, listener: listener, inFlight: m.inFlight.WithLabelValues(listener)}
	for i, method := range methods {
		s := &t.series[i]
		s.duration = m.duration.WithLabelValues(listener, method)
		s.requestSize = m.requestSize.WithLabelValues(method)
		s.responseSize = m.responseSize.WithLabelValues(method)
		for _, status := range failures[method] {
			t.code(s, method, status)
		}
	}
	return t
}

// Start counts a request as in flight until End.
func (t *ListenerMetrics) Start() { t.inFlight.Inc() }

// Done counts an answered request; in and out are the sizes of the bodies, in
// bytes.
func (t *ListenerMetrics) Done(method string, status int, took time.Duration, in, out int64) {
	defer t.inFlight.Dec()
	s := &t.series[index(method)]
	t.code(s, method, status).Inc()
	s.duration.Observe(took.Seconds())
	s.requestSize.Observe(float64(in))
	s.responseSize.Observe(float64(out))
}

// Refused counts what no handler saw.
func (t *ListenerMetrics) Refused(reason string) {
	t.metrics.refused.WithLabelValues(t.listener, reason).Inc()
}

func (t *ListenerMetrics) code(s *series, method string, status int) prometheus.Counter {
	at := &s.codes[min(max(status, 0), len(s.codes)-1)]
	if c := at.Load(); c != nil {
		return *c
	}
	c := t.metrics.requests.WithLabelValues(t.listener, methods[index(method)], strconv.Itoa(status))
	at.Store(&c)
	return c
}

func index(method string) int {
	switch method {
	case "GET":
		return 0
	case "HEAD":
		return 1
	case "POST":
		return 2
	case "PUT":
		return 3
	}
	return len(methods) - 1
}
