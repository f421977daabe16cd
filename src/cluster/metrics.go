package cluster

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// storeMetrics are the metrics of a Store.
type storeMetrics struct {
	available, confirmed, revision prometheus.Gauge
	rewound, unknown               prometheus.Counter
	calls                          *prometheus.HistogramVec
	failures                       *prometheus.CounterVec
}

func newMetrics(registerer prometheus.Registerer) *storeMetrics {
	f := promauto.With(registerer)
	gauge := func(name, help string) prometheus.Gauge {
		return f.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	counter := func(name, help string) prometheus.Counter {
		return f.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := &storeMetrics{
		available: gauge("cluster_available", "Whether the last read of the state from etcd succeeded (1) or failed (0)."),
		confirmed: gauge("cluster_last_confirmed_timestamp_seconds", "Unix time of the last response of a quorum of etcd's members, or 0 before the first."),
		revision:  gauge("cluster_revision", "Revision of etcd in its last response."),
		rewound:   counter("cluster_rewound_total", "Times that etcd has turned back to an earlier revision, as after a snapshot was restored."),
		unknown:   counter("cluster_unknown_outcomes_total", "Writes of which it is not known whether they have replaced the state (status 504)."),
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

// confirm records a response of a quorum.
func (m *storeMetrics) confirm(revision int64) {
	m.available.Set(1)
	m.confirmed.SetToCurrentTime()
	m.revision.Set(float64(revision))
}
