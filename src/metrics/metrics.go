// Package metrics counts and measures what the service does, and serves the
// result to Prometheus.
//
// New makes all metrics of the service in one registry. A ListenerMetrics
// records the requests of one listener. Handler serves the pages of the metrics
// listener: /metrics, /healthz and /readyz. The package decides neither who may
// read them nor which socket they are served on.
//
// Read metrics.go first: it has the name and the meaning of nearly every
// metric.
package metrics

import (
	"crypto/x509"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Metrics are the metrics of one service. Its methods may be called from
// several goroutines at once.
type Metrics struct {
	registry *prometheus.Registry

	requests     *prometheus.CounterVec
	duration     *prometheus.HistogramVec
	requestSize  *prometheus.HistogramVec
	responseSize *prometheus.HistogramVec
	inFlight     *prometheus.GaugeVec
	refused      *prometheus.CounterVec
	panics       *prometheus.CounterVec

	writeDuration prometheus.Histogram
	fsyncDuration prometheus.Histogram
	stateSize     prometheus.Gauge
	stateWritten  prometheus.Gauge

	stateLimit       prometheus.Gauge
	connectionsLimit prometheus.Gauge

	watchdogPing     prometheus.Gauge
	watchdogInterval prometheus.Gauge

	certificateNotBefore prometheus.Gauge
	certificateNotAfter  prometheus.Gauge
	reloads              *prometheus.CounterVec
	reloadSuccessful     prometheus.Gauge
	reloadTime           prometheus.Gauge

	droppedLogEntries prometheus.Counter
}

// New returns the metrics of a service of the given version, in a registry of
// their own.
func New(version string) *Metrics {
	latency := []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	sizes := prometheus.ExponentialBuckets(64, 4, 11) // 64 B to 64 MiB
	m := &Metrics{
		registry: prometheus.NewRegistry(),

		requests:     counters("http_requests_total", "HTTP requests answered, by listener, method and status code.", "listener", "method", "code"),
		duration:     histograms("http_request_duration_seconds", "Seconds from the end of a request's header to the end of the response.", latency, "listener", "method"),
		requestSize:  histograms("http_request_size_bytes", "Size of request bodies in bytes.", sizes, "method"),
		responseSize: histograms("http_response_size_bytes", "Size of response bodies in bytes.", sizes, "method"),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: "http_requests_in_flight",
			Help: "HTTP requests that are being answered."}, []string{"listener"}),
		refused: counters("http_requests_refused_total", "Connections and requests that were refused before a handler saw them, by listener and reason.", "listener", "reason"),
		panics:  counters("http_panics_total", "Panics that ended a request or a connection, by listener; each is a fault of the program.", "listener"),

		writeDuration: histogram("state_write_duration_seconds", "Seconds spent to make a new state durable per commit.", latency),
		fsyncDuration: histogram("state_fsync_duration_seconds", "Seconds spent in fdatasync per commit.", latency),
		stateSize:     gauge("state_size_bytes", "Size of the state in bytes, or 0 before the first write."),
		stateWritten:  gauge("state_last_write_timestamp_seconds", "Unix time of the last write of the state, or 0 before the first write."),

		stateLimit:       gauge("state_limit_bytes", "Size in bytes of the largest state that can be stored (limits.state in conf.yaml)."),
		connectionsLimit: gauge("http_connections_limit", "Number of connections that each listener can have open (limits.connections in conf.yaml)."),

		watchdogPing:     gauge("watchdog_last_ping_timestamp_seconds", "Unix time of the last watchdog notification to systemd."),
		watchdogInterval: gauge("watchdog_ping_interval_seconds", "Seconds between two watchdog notifications; systemd kills the service after three times that many without one."),

		certificateNotBefore: gauge("tls_certificate_not_before_timestamp_seconds", "Unix time from which the server certificate in use is valid."),
		certificateNotAfter:  gauge("tls_certificate_not_after_timestamp_seconds", "Unix time at which the server certificate in use expires."),
		reloads:              counters("config_reloads_total", "Loads of configuration and credentials, the one at the start included, by result.", "result"),
		reloadSuccessful:     gauge("config_last_reload_successful", "Whether the last load of configuration and credentials succeeded (1) or was rejected (0)."),
		reloadTime:           gauge("config_last_reload_success_timestamp_seconds", "Unix time of the last successful load of configuration and credentials."),

		droppedLogEntries: prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: "log_entries_lost_total",
			Help: "Log entries that were dropped because the journal's queue was full."}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: "build_info",
		Help:        "Always 1; the labels have the version of the service and of Go.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()}})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.duration, m.requestSize, m.responseSize, m.inFlight, m.refused, m.panics,
		m.writeDuration, m.fsyncDuration, m.stateSize, m.stateWritten,
		m.stateLimit, m.connectionsLimit, m.watchdogPing, m.watchdogInterval,
		m.certificateNotBefore, m.certificateNotAfter, m.reloads, m.reloadSuccessful, m.reloadTime,
		m.droppedLogEntries, build, collectors.NewGoCollector(), newProcessCollector())
	// A counter that first appears as 1 looks to Prometheus as if it had always
	// been 1, so both results are exported as 0 from the start.
	for _, result := range []string{"success", "failure"} {
		m.reloads.WithLabelValues(result)
	}
	return m
}

const namespace = "foobar"

func gauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help})
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func histogram(name, help string, buckets []float64) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets})
}

func histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
}

// ObserveCommit records a commit: how long all of it and its fdatasync(2) took,
// and the size of the new state in bytes.
func (m *Metrics) ObserveCommit(total, fsync time.Duration, size int) {
	m.writeDuration.Observe(total.Seconds())
	m.fsyncDuration.Observe(fsync.Seconds())
	m.SetState(size, time.Now())
}

// SetState records the size of the stored state, in bytes, and when it was
// written.
func (m *Metrics) SetState(size int, written time.Time) {
	m.stateSize.Set(float64(size))
	m.stateWritten.Set(unixSeconds(written))
}

// WatchdogPing records a watchdog notification and the interval between two.
func (m *Metrics) WatchdogPing(interval time.Duration) {
	m.watchdogPing.Set(unixSeconds(time.Now()))
	m.watchdogInterval.Set(interval.Seconds())
}

// ObserveReload records a load of configuration and credentials, which was
// rejected if err is not nil. Leaf is the server certificate in use after it.
func (m *Metrics) ObserveReload(err error, leaf *x509.Certificate) {
	m.certificateNotBefore.Set(unixSeconds(leaf.NotBefore))
	m.certificateNotAfter.Set(unixSeconds(leaf.NotAfter))
	if err != nil {
		m.reloads.WithLabelValues("failure").Inc()
		m.reloadSuccessful.Set(0)
		return
	}
	m.reloads.WithLabelValues("success").Inc()
	m.reloadSuccessful.Set(1)
	m.reloadTime.Set(unixSeconds(time.Now()))
}

// LogEntryDropped counts a log entry that could not be written.
func (m *Metrics) LogEntryDropped() { m.droppedLogEntries.Inc() }

// unixSeconds returns t in seconds since 1970. It does not use UnixNano, which
// overflows for a certificate that expires after 2262.
func unixSeconds(t time.Time) float64 {
	return float64(t.Unix()) + float64(t.Nanosecond())/1e9
}
