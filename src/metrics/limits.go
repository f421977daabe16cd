package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"
)

// Limits are settings of the configuration that bound what is measured.
type Limits struct {
	State       int64 // bytes
	Connections int   // of each listener
}

// SetLimits records the limits in force.
func (m *Metrics) SetLimits(l Limits) {
	m.stateLimit.Set(float64(l.State))
	m.connectionsLimit.Set(float64(l.Connections))
}

// RegisterConnections exports how many connections a listener has open, which is asked
// for when somebody reads the metrics.
func (m *Metrics) RegisterConnections(listener string, open func() int) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: "http_connections",
		Help: "Open connections.", ConstLabels: prometheus.Labels{"listener": listener}},
		func() float64 { return float64(open()) }))
}

// RegisterStateDirectory exports the room that is left for the state in dir.
func (m *Metrics) RegisterStateDirectory(dir string) {
	m.registry.MustRegister(&filesystem{
		dir: dir,
		available: prometheus.NewDesc(prometheus.BuildFQName(namespace, "state", "filesystem_avail_bytes"),
			"Room left for the service in the file system of the state.", nil, nil),
	})
}

// A filesystem says how much room there is, or nothing where that is not known.
type filesystem struct {
	dir       string
	available *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (f *filesystem) Describe(ch chan<- *prometheus.Desc) { ch <- f.available }

// Collect implements prometheus.Collector.
func (f *filesystem) Collect(ch chan<- prometheus.Metric) {
	var found unix.Statfs_t
	if err := unix.Statfs(f.dir, &found); err != nil {
		return
	}
	ch <- prometheus.MustNewConstMetric(f.available, prometheus.GaugeValue, float64(found.Bavail)*float64(found.Frsize))
}
