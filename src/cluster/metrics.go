package cluster

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// storeMetrics are the metrics of a Store.
type storeMetrics struct {
	available, confirmed, revision prometheus.Gauge
	notBefore, notAfter            prometheus.Gauge // of the certificate
	rewound, unknown               prometheus.Counter
	calls                          *prometheus.HistogramVec
	failures                       *prometheus.CounterVec
}

func newMetrics(registerer prometheus.Registerer) *storeMetrics {
	f := promauto.With(registerer)
	m := &storeMetrics{
		available: f.NewGauge(prometheus.GaugeOpts{Name: "cluster_available", Help: "Whether the last read of the state from etcd succeeded (1) or failed (0)."}),
		confirmed: f.NewGauge(prometheus.GaugeOpts{Name: "cluster_last_confirmed_timestamp_seconds", Help: "Unix time of the last response of a quorum of etcd's members, or 0 before the first."}),
		revision:  f.NewGauge(prometheus.GaugeOpts{Name: "cluster_revision", Help: "Revision of etcd in its last response."}),
		notBefore: f.NewGauge(prometheus.GaugeOpts{Name: "cluster_certificate_not_before_timestamp_seconds", Help: "Unix time from which the certificate by which etcd knows the service (etcd-cert) is valid."}),
		notAfter:  f.NewGauge(prometheus.GaugeOpts{Name: "cluster_certificate_not_after_timestamp_seconds", Help: "Unix time at which the certificate by which etcd knows the service (etcd-cert) expires."}),
		rewound:   f.NewCounter(prometheus.CounterOpts{Name: "cluster_rewound_total", Help: "Times that etcd has turned back to an earlier revision, as after a snapshot was restored."}),
		unknown:   f.NewCounter(prometheus.CounterOpts{Name: "cluster_unknown_outcomes_total", Help: "Writes of which it is not known whether they have replaced the state (status 504)."}),
		calls: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "cluster_call_duration_seconds", Help: "Seconds of a call to etcd, each try by itself, by kind of call.",
			Buckets: []float64{.00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"call"}),
		failures: f.NewCounterVec(prometheus.CounterOpts{Name: "cluster_call_failures_total", Help: "Calls to etcd that have failed, each try by itself, by kind of call."}, []string{"call"}),
	}
	for _, call := range []string{"read", "write"} {
		m.calls.WithLabelValues(call)
		m.failures.WithLabelValues(call)
	}
	return m
}

// observe records a call.
func (m *storeMetrics) observe(call string, start time.Time, err error) {
	m.calls.WithLabelValues(call).Observe(time.Since(start).Seconds())
	if err != nil {
		m.failures.WithLabelValues(call).Inc()
	}
}
