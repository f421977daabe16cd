package metrics

import (
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sys/unix"
)

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
