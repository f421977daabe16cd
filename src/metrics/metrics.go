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
	"os"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"golang.org/x/sys/unix"
)

// Metrics are the metrics of one service. Its methods may be called from
// several goroutines at once.
type Metrics struct {
	registry   *prometheus.Registry
	registerer prometheus.Registerer // adds the prefix of all names

	requests, refused, panics           *prometheus.CounterVec
	duration, requestSize, responseSize *prometheus.HistogramVec
	inFlight                            *prometheus.GaugeVec

	writeDuration, fsyncDuration        prometheus.Histogram
	stateSize, stateWritten, stateLimit prometheus.Gauge

	connectionsLimit               prometheus.Gauge
	watchdogPing, watchdogInterval prometheus.Gauge
	droppedLogEntries              prometheus.Counter

	certificateNotBefore, certificateNotAfter prometheus.Gauge
	reloads                                   *prometheus.CounterVec
	reloadSuccessful, reloadTime              prometheus.Gauge
}

// New returns the metrics of a service of the given version, in a registry of
// their own.
func New(version string) *Metrics {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), newProcessCollector())
	registerer := prometheus.WrapRegistererWithPrefix("foobar_", registry)
	f := promauto.With(registerer)
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return f.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	gauge := func(name, help string) prometheus.Gauge {
		return f.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	histograms := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		return f.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	}
	latency := []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	sizes := prometheus.ExponentialBuckets(64, 4, 11) // 64 B to 64 MiB
	m := &Metrics{
		registry: registry, registerer: registerer,

		requests:     counters("http_requests_total", "HTTP requests answered, by listener, method and status code.", "listener", "method", "code"),
		duration:     histograms("http_request_duration_seconds", "Seconds from the end of a request's header to the end of the response.", latency, "listener", "method"),
		requestSize:  histograms("http_request_size_bytes", "Size of request bodies in bytes.", sizes, "method"),
		responseSize: histograms("http_response_size_bytes", "Size of response bodies in bytes.", sizes, "method"),
		inFlight:     f.NewGaugeVec(prometheus.GaugeOpts{Name: "http_requests_in_flight", Help: "HTTP requests that are being answered."}, []string{"listener"}),
		refused:      counters("http_requests_refused_total", "Connections and requests that were refused, or closed to make room for others, by listener and reason.", "listener", "reason"),
		panics:       counters("http_panics_total", "Panics that ended a request or a connection, by listener; each is a fault of the program.", "listener"),

		writeDuration: f.NewHistogram(prometheus.HistogramOpts{Name: "state_write_duration_seconds", Help: "Seconds spent to make a new state durable per commit.", Buckets: latency}),
		fsyncDuration: f.NewHistogram(prometheus.HistogramOpts{Name: "state_fsync_duration_seconds", Help: "Seconds spent in fdatasync per commit.", Buckets: latency}),
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

		droppedLogEntries: f.NewCounter(prometheus.CounterOpts{Name: "log_entries_lost_total", Help: "Log entries that were dropped because the journal's queue was full."}),
	}
	f.NewGauge(prometheus.GaugeOpts{Name: "build_info", Help: "Always 1; the labels have the version of the service and of Go.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()}}).Set(1)
	// A counter that first appears as 1 looks to Prometheus as if it had always
	// been 1, so both results are exported as 0 from the start.
	m.reloads.WithLabelValues("success")
	m.reloads.WithLabelValues("failure")
	return m
}

// Registerer adds metrics whose names get the prefix of all others.
func (m *Metrics) Registerer() prometheus.Registerer { return m.registerer }

// ObserveCommit records a commit: how long all of it and its fdatasync(2) took,
// which is 0 without one, and the size of the new state in bytes.
func (m *Metrics) ObserveCommit(total, fsync time.Duration, size int) {
	m.writeDuration.Observe(total.Seconds())
	if fsync > 0 {
		m.fsyncDuration.Observe(fsync.Seconds())
	}
	m.SetState(size, time.Now())
}

// SetState records the size of the stored state, in bytes, and when it was
// written.
func (m *Metrics) SetState(size int, written time.Time) {
	m.stateSize.Set(float64(size))
	m.stateWritten.Set(float64(written.UnixMilli()) / 1000)
}

// SetLimits records the limits in force: the largest state, in bytes, and the
// number of connections of each listener.
func (m *Metrics) SetLimits(state int64, connections int) {
	m.stateLimit.Set(float64(state))
	m.connectionsLimit.Set(float64(connections))
}

// WatchdogPing records a watchdog notification and the interval between two.
func (m *Metrics) WatchdogPing(interval time.Duration) {
	m.watchdogPing.SetToCurrentTime()
	m.watchdogInterval.Set(interval.Seconds())
}

// ObserveReload records a load of configuration and credentials, which was
// rejected if err is not nil. Leaf is the server certificate in use after it.
func (m *Metrics) ObserveReload(err error, leaf *x509.Certificate) {
	m.certificateNotBefore.Set(float64(leaf.NotBefore.Unix()))
	m.certificateNotAfter.Set(float64(leaf.NotAfter.Unix()))
	if err != nil {
		m.reloads.WithLabelValues("failure").Inc()
		m.reloadSuccessful.Set(0)
		return
	}
	m.reloads.WithLabelValues("success").Inc()
	m.reloadSuccessful.Set(1)
	m.reloadTime.SetToCurrentTime()
}

// LogEntryDropped counts a log entry that could not be written.
func (m *Metrics) LogEntryDropped() { m.droppedLogEntries.Inc() }

// RegisterConnections exports how many connections a listener has open. Each
// reading of the metrics calls open.
func (m *Metrics) RegisterConnections(listener string, open func() int) {
	m.registerer.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "http_connections",
		Help: "Number of open connections, by listener.", ConstLabels: prometheus.Labels{"listener": listener}},
		func() float64 { return float64(open()) }))
}

// RegisterVersions exports how many versions of the state clients are reading.
func (m *Metrics) RegisterVersions(reading func() int) {
	m.registerer.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "state_versions_read",
		Help: "Number of versions of the state that clients are reading; slow clients keep earlier ones in memory."},
		func() float64 { return float64(reading()) }))
}

// RegisterStateDirectory exports the free space of the file system that dir is
// in. Where statfs(2) fails, the metric is missing, so that an error is not read
// as a full disk.
func (m *Metrics) RegisterStateDirectory(dir string) {
	available := prometheus.NewDesc("state_filesystem_avail_bytes", "Bytes that the service can still write to the file system of the state.", nil, nil)
	m.registerer.MustRegister(prometheus.CollectorFunc(func(ch chan<- prometheus.Metric) {
		var stat unix.Statfs_t
		if unix.Statfs(dir, &stat) == nil {
			ch <- prometheus.MustNewConstMetric(available, prometheus.GaugeValue, float64(stat.Bavail)*float64(stat.Frsize))
		}
	}))
}

// newProcessCollector returns client_golang's process collector. That collector
// reads the boot time from /proc/stat; where the unit hides the file
// (ProcSubset=pid), process_start_time_seconds is collected separately.
func newProcessCollector() prometheus.Collector {
	standard := collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})
	if _, err := os.Stat("/proc/stat"); err == nil {
		return standard
	}
	return withStartTime(standard)
}

// withStartTime returns a collector that also collects the current time as the
// start of the process, which is a moment ago. Name and help text are those of
// the standard collector.
func withStartTime(standard prometheus.Collector) prometheus.Collector {
	start := prometheus.NewGauge(prometheus.GaugeOpts{Name: "process_start_time_seconds", Help: "Start time of the process since unix epoch in seconds."})
	start.SetToCurrentTime()
	return prometheus.CollectorFunc(func(ch chan<- prometheus.Metric) {
		standard.Collect(ch)
		start.Collect(ch)
	})
}
