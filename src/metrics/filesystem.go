package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"
)

// RegisterStateDirectory exports the free space of the file system that dir is
// in.
func (m *Metrics) RegisterStateDirectory(dir string) {
	m.registry.MustRegister(&filesystem{
		dir: dir,
		available: prometheus.NewDesc(prometheus.BuildFQName(namespace, "state", "filesystem_avail_bytes"),
			"Bytes that the service can still write to the file system of the state.", nil, nil),
	})
}

// A filesystem collects the free space of a file system. It collects nothing
// where statfs(2) fails, so that an error is not read as a full disk.
type filesystem struct {
	dir       string
	available *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (f *filesystem) Describe(ch chan<- *prometheus.Desc) { ch <- f.available }

// Collect implements prometheus.Collector.
func (f *filesystem) Collect(ch chan<- prometheus.Metric) {
	var stat unix.Statfs_t
	if err := unix.Statfs(f.dir, &stat); err != nil {
		return
	}
	ch <- prometheus.MustNewConstMetric(f.available, prometheus.GaugeValue, float64(stat.Bavail)*float64(stat.Frsize))
}
