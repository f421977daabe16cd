// Package metrics is what Prometheus learns of the service, and the small site
// that it is read from.
package metrics

import (
	"crypto/x509"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Metrics are the service's own metrics. Its methods may be called by many
// goroutines.
type Metrics struct {
	registry *prometheus.Registry

	requests     *prometheus.CounterVec
	duration     *prometheus.HistogramVec
	requestSize  *prometheus.HistogramVec
	responseSize *prometheus.HistogramVec
	inFlight     *prometheus.GaugeVec
	refused      *prometheus.CounterVec

	writeDuration prometheus.Histogram
	fsyncDuration prometheus.Histogram
	stateSize     prometheus.Gauge
	stateWritten  prometheus.Gauge

	stateLimit       prometheus.Gauge
	connectionsLimit prometheus.Gauge

	watchdogFed      prometheus.Gauge
	watchdogInterval prometheus.Gauge

	certificateStart  prometheus.Gauge
	certificateExpiry prometheus.Gauge
	reloads           *prometheus.CounterVec
	reloadSuccess     prometheus.Gauge
	reloadTime        prometheus.Gauge

	logLost prometheus.Counter
}

// New returns the metrics of a service of this version, all in a registry of
// their own.
func New(version string) *Metrics {
	latency := []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	sizes := prometheus.ExponentialBuckets(64, 4, 11) // 64 B to 64 MiB
	m := &Metrics{
		registry: prometheus.NewRegistry(),

		requests:     counters("http_requests_total", "HTTP requests answered, by listener, method and status code.", "listener", "method", "code"),
		duration:     histograms("http_request_duration_seconds", "Time from the request's header to the end of the response.", latency, "listener", "method"),
		requestSize:  histograms("http_request_size_bytes", "Size of request bodies.", sizes, "method"),
		responseSize: histograms("http_response_size_bytes", "Size of response bodies.", sizes, "method"),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: "http_requests_in_flight",
			Help: "HTTP requests being answered."}, []string{"listener"}),
		refused: counters("http_requests_refused_total", "Connections and requests refused before they could be answered, by listener and reason.", "listener", "reason"),

		writeDuration: histogram("state_write_duration_seconds", "Time to make a new state durable.", latency),
		fsyncDuration: histogram("state_fsync_duration_seconds", "Share of that time that was spent waiting for the disk to say so.", latency),
		stateSize:     gauge("state_size_bytes", "Size of the state; 0 before the first write."),
		stateWritten:  gauge("state_last_write_timestamp_seconds", "When the state was last written, in Unix time; 0 before the first write."),

		stateLimit:       gauge("state_limit_bytes", "Size of the largest state that can be stored, limits.state of the configuration."),
		connectionsLimit: gauge("http_connections_limit", "Connections that each listener can have open, limits.connections of the configuration."),

		watchdogFed:      gauge("watchdog_last_ping_timestamp_seconds", "When the service last said that it is alive, in Unix time."),
		watchdogInterval: gauge("watchdog_ping_interval_seconds", "How often the service means to say so; systemd's patience is three times that."),

		certificateStart:  gauge("tls_certificate_not_before_timestamp_seconds", "When the certificate in force became valid, in Unix time."),
		certificateExpiry: gauge("tls_certificate_not_after_timestamp_seconds", "When the certificate in force expires, in Unix time."),
		reloads:           counters("config_reloads_total", "Times that configuration and credentials were loaded, by result.", "result"),
		reloadSuccess:     gauge("config_last_reload_successful", "Whether the last load was taken (1) or refused (0)."),
		reloadTime:        gauge("config_last_reload_success_timestamp_seconds", "When configuration and credentials were last taken, in Unix time."),

		logLost: prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: "log_entries_lost_total",
			Help: "Log entries that the journal did not take in time."}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: "build_info",
		Help:        "1, with the version of the service and of Go.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()}})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.duration, m.requestSize, m.responseSize, m.inFlight, m.refused,
		m.writeDuration, m.fsyncDuration, m.stateSize, m.stateWritten,
		m.stateLimit, m.connectionsLimit, m.watchdogFed, m.watchdogInterval,
		m.certificateStart, m.certificateExpiry, m.reloads, m.reloadSuccess, m.reloadTime, m.logLost, build,
		collectors.NewGoCollector(), newProcessCollector())
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

// ObserveCommit counts a commit of a state of size bytes.
func (m *Metrics) ObserveCommit(total, fsync time.Duration, size int) {
	m.writeDuration.Observe(total.Seconds())
	m.fsyncDuration.Observe(fsync.Seconds())
	m.SetState(size, time.Now())
}

// SetState records the state that is there.
func (m *Metrics) SetState(size int, written time.Time) {
	m.stateSize.Set(float64(size))
	m.stateWritten.Set(seconds(written))
}

// WatchdogPing records that the service said so, and how often it means to.
func (m *Metrics) WatchdogPing(interval time.Duration) {
	m.watchdogFed.Set(seconds(time.Now()))
	m.watchdogInterval.Set(interval.Seconds())
}

// ObserveReload records a load of configuration and credentials; leaf is the
// certificate in force.
func (m *Metrics) ObserveReload(err error, leaf *x509.Certificate) {
	m.certificateStart.Set(seconds(leaf.NotBefore))
	m.certificateExpiry.Set(seconds(leaf.NotAfter))
	if err != nil {
		m.reloads.WithLabelValues("failure").Inc()
		m.reloadSuccess.Set(0)
		return
	}
	m.reloads.WithLabelValues("success").Inc()
	m.reloadSuccess.Set(1)
	m.reloadTime.Set(seconds(time.Now()))
}

// LogEntryDropped counts a log entry that nobody will read.
func (m *Metrics) LogEntryDropped() { m.logLost.Inc() }

func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }
