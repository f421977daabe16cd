package metrics

import (
	"crypto/x509"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/procfs"
	"go.uber.org/zap"
)

func noError() error { return nil }

func page(t *testing.T, m *Metrics, ready func() error, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler(noError, ready, zap.NewNop()).ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	if got := w.Header().Get("X-Content-Type-Options"); got != "nosniff" {
		t.Errorf("%s: X-Content-Type-Options is %q", path, got)
	}
	return w.Code, w.Body.String()
}

func TestHandlerServesMetrics(t *testing.T) {
	m := New("1.2.3-4")
	listener := m.Listener("https")
	for range 3 {
		listener.Start()
	}
	listener.Done("GET", 200, 3*time.Millisecond, 0, 5)
	listener.Done("BREW", 405, time.Millisecond, 0, 5)
	listener.Refused("malformed")
	m.ObserveCommit(2*time.Millisecond, time.Millisecond, 5)
	leaf := &x509.Certificate{NotBefore: time.Unix(1000000000, 0), NotAfter: time.Unix(2000000000, 0)}
	m.ObserveReload(nil, leaf)
	m.ObserveReload(errors.New("bad"), leaf)
	m.WatchdogPing(10 * time.Second)
	m.SetLimits(1000, 100)
	m.RegisterConnections("https", func() int { return 7 })
	m.RegisterStateDirectory(t.TempDir())
	_, text := page(t, m, noError, "/metrics")
	for _, want := range []string{
		`foobar_http_requests_total{code="200",listener="https",method="GET"} 1`,
		`foobar_http_requests_total{code="405",listener="https",method="other"} 1`,
		`foobar_http_request_duration_seconds_bucket{listener="https",method="GET",le="0.005"} 1`,
		`foobar_http_response_size_bytes_sum{method="GET"} 5`,
		`foobar_http_request_size_bytes_count{method="GET"} 1`,
		`foobar_http_requests_total{code="507",listener="https",method="PUT"} 0`,
		`foobar_http_requests_in_flight{listener="https"} 1`,
		`foobar_http_connections{listener="https"} 7`,
		`foobar_http_connections_limit 100`,
		`foobar_http_requests_refused_total{listener="https",reason="malformed"} 1`,
		`foobar_state_size_bytes 5`,
		`foobar_state_limit_bytes 1000`,
		`foobar_state_filesystem_avail_bytes `,
		`foobar_watchdog_last_ping_timestamp_seconds 1`,
		`foobar_watchdog_ping_interval_seconds 10`,
		`foobar_tls_certificate_not_before_timestamp_seconds 1e+09`,
		`foobar_state_write_duration_seconds_count 1`,
		`foobar_state_fsync_duration_seconds_sum 0.001`,
		`foobar_tls_certificate_not_after_timestamp_seconds 2e+09`,
		`foobar_config_reloads_total{result="success"} 1`,
		`foobar_config_reloads_total{result="failure"} 1`,
		`foobar_config_last_reload_successful 0`,
		`version="1.2.3-4"`,
		"go_goroutines ",
		"process_resident_memory_bytes ",
		"process_start_time_seconds ",
		`# HELP foobar_state_fsync_duration_seconds Seconds spent in fdatasync per commit.`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("/metrics does not show %s", want)
		}
	}
	listener.Done("GET", 200, time.Millisecond, 0, 5)
	if got := testutil.ToFloat64(m.inFlight.WithLabelValues("https")); got != 0 {
		t.Errorf("%v in flight after the end", got)
	}
}

func TestMetricNamesFollowPrometheusConventions(t *testing.T) {
	m := New("1")
	listener := m.Listener("https")
	listener.Start()
	listener.Done("GET", 200, 0, 0, 0)
	listener.Refused("malformed")
	m.RegisterConnections("https", func() int { return 0 })
	m.RegisterStateDirectory(t.TempDir())
	problems, err := testutil.GatherAndLint(m.registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestHandlerPages(t *testing.T) {
	m := New("1")
	for path, want := range map[string]string{"/": "/metrics", "/metrics": "foobar_config_reloads_total{result=\"failure\"} 0\n", "/healthz": "ok\n", "/readyz": "ok\n"} {
		if code, body := page(t, m, noError, path); code != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %q", path, code, body)
		}
	}
	if code, body := page(t, m, func() error { return errors.New("stopping") }, "/readyz"); code != 503 || body != "stopping\n" {
		t.Errorf("/readyz: %d %q", code, body)
	}
	if code, _ := page(t, m, noError, "/x"); code != 404 {
		t.Errorf("/x: %d", code)
	}
}

// A hiddenStat describes the start time and does not collect it, as the standard
// collector does where /proc/stat is hidden.
type hiddenStat struct{ desc *prometheus.Desc }

func (h hiddenStat) Describe(ch chan<- *prometheus.Desc) { ch <- h.desc }
func (h hiddenStat) Collect(chan<- prometheus.Metric)    {}

func TestStartTimeWithHiddenProcStat(t *testing.T) {
	desc := prometheus.NewDesc("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", nil, nil)
	got := testutil.ToFloat64(withStartTime(hiddenStat{desc}))
	self, err := procfs.Self()
	if err != nil {
		t.Fatal(err)
	}
	stat, err := self.Stat()
	if err != nil {
		t.Fatal(err)
	}
	// btime in /proc/stat is whole seconds.
	started, err := stat.StartTime()
	if now := float64(time.Now().Unix()); err != nil || got < started-1 || got > now+1 {
		t.Errorf("start time is %f; by /proc/stat it is %f, now it is %f, %v", got, started, now, err)
	}
}

// TestCertificateExpiryBeyond2262 exports the expiry of a certificate that is valid until
// the end of the year 9999 (RFC 5280, section 4.1.2.5), which does not fit into an int64
// of nanoseconds.
func TestCertificateExpiryBeyond2262(t *testing.T) {
	m := New("1")
	end := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	m.ObserveReload(nil, &x509.Certificate{NotBefore: time.Unix(0, 0), NotAfter: end})
	if got := testutil.ToFloat64(m.certificateNotAfter); got != 253402300799 {
		t.Errorf("not after is %f, want 253402300799", got)
	}
}
