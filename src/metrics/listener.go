package metrics

import (
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// methods are the methods that have time series of their own. All others share
// the last one, so that a client cannot create time series by inventing methods.
var methods = [...]string{"GET", "HEAD", "POST", "PUT", "other"}

// failures are the statuses for which an alert must see the first response.
// Their counters are exported as 0 from the start: Prometheus takes a counter
// that first appears as 1 for one that has always been 1.
var failures = map[string][]int{
	"GET":  {http.StatusInternalServerError},
	"POST": {http.StatusInternalServerError, http.StatusServiceUnavailable, http.StatusInsufficientStorage},
	"PUT":  {http.StatusInternalServerError, http.StatusServiceUnavailable, http.StatusInsufficientStorage},
}

// ListenerMetrics records the requests of one listener. It keeps a pointer to
// each time series, because looking one up by its labels takes longer than
// reading a request.
type ListenerMetrics struct {
	metrics  *Metrics
	listener string
	inFlight prometheus.Gauge
	panics   prometheus.Counter
	series   [len(methods)]methodSeries
}

// methodSeries are the time series of one method.
type methodSeries struct {
	duration, requestSize, responseSize prometheus.Observer
	byStatus                            [600]atomic.Pointer[prometheus.Counter]
}

// Listener returns the metrics of the listener of that name.
func (m *Metrics) Listener(name string) *ListenerMetrics {
	l := &ListenerMetrics{metrics: m, listener: name, inFlight: m.inFlight.WithLabelValues(name), panics: m.panics.WithLabelValues(name)}
	for i, method := range methods {
		s := &l.series[i]
		s.duration = m.duration.WithLabelValues(name, method)
		s.requestSize = m.requestSize.WithLabelValues(method)
		s.responseSize = m.responseSize.WithLabelValues(method)
		for _, status := range failures[method] {
			l.counter(method, status)
		}
	}
	return l
}

// Start counts a request as in flight. Each Start needs one Done.
func (l *ListenerMetrics) Start() { l.inFlight.Inc() }

// Done records a request that has been answered. In and out are the sizes of
// the request's and the response's body in bytes.
func (l *ListenerMetrics) Done(method string, status int, took time.Duration, in, out int64) {
	defer l.inFlight.Dec()
	l.counter(method, status).Inc()
	s := &l.series[methodIndex(method)]
	s.duration.Observe(took.Seconds())
	s.requestSize.Observe(float64(in))
	s.responseSize.Observe(float64(out))
}

// Refused counts a connection or request that was refused, or closed to make room
// for others.
func (l *ListenerMetrics) Refused(reason string) {
	l.metrics.refused.WithLabelValues(l.listener, reason).Inc()
}

// Panicked counts a panic while a request or a connection was served.
func (l *ListenerMetrics) Panicked() { l.panics.Inc() }

// counter returns the counter of the responses with status to requests of
// method.
func (l *ListenerMetrics) counter(method string, status int) prometheus.Counter {
	i := methodIndex(method)
	byStatus := &l.series[i].byStatus
	p := &byStatus[min(max(status, 0), len(byStatus)-1)]
	if c := p.Load(); c != nil {
		return *c
	}
	c := l.metrics.requests.WithLabelValues(l.listener, methods[i], strconv.Itoa(status))
	p.Store(&c)
	return c
}

// methodIndex returns the place of a method in methods.
func methodIndex(method string) int {
	if i := slices.Index(methods[:], method); i >= 0 {
		return i
	}
	return len(methods) - 1
}
