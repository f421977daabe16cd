package metrics

import "github.com/prometheus/client_golang/prometheus"

// Limits are the limits of conf.yaml that a measured value can reach.
type Limits struct {
	State       int64 // bytes
	Connections int   // of each listener
}

// SetLimits records the limits in force.
func (m *Metrics) SetLimits(l Limits) {
	m.stateLimit.Set(float64(l.State))
	m.connectionsLimit.Set(float64(l.Connections))
}

// RegisterVersions exports how many versions of the state clients are reading.
func (m *Metrics) RegisterVersions(reading func() int) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: "state_versions_read",
		Help: "Number of versions of the state that clients are reading; slow clients keep earlier ones in memory."},
		func() float64 { return float64(reading()) }))
}

// RegisterConnections exports how many connections a listener has open. Each
// reading of the metrics calls open.
func (m *Metrics) RegisterConnections(listener string, open func() int) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: "http_connections",
		Help: "Number of open connections, by listener.", ConstLabels: prometheus.Labels{"listener": listener}},
		func() float64 { return float64(open()) }))
}
