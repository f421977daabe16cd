package command

import (
	"strings"
	"testing"
	"time"

	"foobar/src/adminclient"
)

func TestReportShowsWhatNeedsAttention(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	const expiry = "foobar_tls_certificate_not_after_timestamp_seconds"
	metrics := func(name string, value float64) adminclient.Metrics {
		m := adminclient.Metrics{Version: "1", Values: map[string]float64{expiry: float64(now.AddDate(0, 0, 100).Unix()), "foobar_config_last_reload_successful": 1}}
		m.Values[name] = value
		return m
	}
	healthy := metrics("process_start_time_seconds", float64(now.Add(-time.Hour).Unix()))
	rejected := metrics("foobar_config_last_reload_successful", 0)
	expired := metrics(expiry, float64(now.Add(-time.Hour).Unix()))
	endless := metrics(expiry, float64(time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Unix()))
	known := metrics("foobar_cluster_certificate_not_after_timestamp_seconds", float64(now.AddDate(0, 0, 5).Unix()))
	answered := metrics("foobar_http_requests_total", 42)
	const confirmed = "foobar_cluster_last_confirmed_timestamp_seconds"
	cluster := func(available float64, confirmedAt time.Time) adminclient.Metrics {
		m := metrics("foobar_cluster_available", available)
		m.Values["foobar_cluster_revision"] = 41
		if !confirmedAt.IsZero() {
			m.Values[confirmed] = float64(confirmedAt.Unix())
		}
		return m
	}
	for name, test := range map[string]struct {
		metrics  adminclient.Metrics
		exposure string
		want     string
	}{
		"healthy":         {healthy, "", "certificate   valid until 2030-04-12, for 3 months\n"},
		"rejected reload": {rejected, "", "A LATER ONE WAS REJECTED, see journalctl"},
		"expiry":          {expired, "", "EXPIRED on 2030-01-02"},
		"year 9999":       {endless, "", "certificate   valid until 9999-12-31\n"},
		"quorum":          {cluster(1, now), "", "etcd          revision 41, confirmed 2030-01-02 03:04:05, less than a second ago\n"},
		"no quorum":       {cluster(0, now.Add(-time.Minute)), "", "etcd          NO QUORUM HAS ANSWERED SINCE 2030-01-02 03:03:05, about a minute ago, see journalctl"},
		"no quorum yet":   {cluster(0, time.Time{}), "", "etcd          NO QUORUM HAS ANSWERED YET, see journalctl"},
		"etcd-cert":       {known, "", "etcd-cert     valid until 2030-01-07, for 5 days\n"},
		"requests":        {answered, "", "requests      42 answered, 0 in flight\n"},
		"exposure":        {healthy, "0.1 SAFE", "exposure      0.1 SAFE, as "},
	} {
		text := report(test.metrics, test.exposure, now)
		if !strings.Contains(text, test.want) {
			t.Errorf("%s: no %q in\n%s", name, test.want, text)
		}
		if test.exposure == "" && strings.Contains(text, "exposure") {
			t.Errorf("%s: an exposure that is not known in\n%s", name, text)
		}
		if strings.Contains(text, "etcd") != (strings.Contains(name, "quorum") || name == "etcd-cert") {
			t.Errorf("%s: a cluster or none in\n%s", name, text)
		}
		if strings.Contains(text, "REJECTED") != (name == "rejected reload") {
			t.Errorf("%s: rejected or not in\n%s", name, text)
		}
	}
}

// TestFigures wants a unit with each figure.
func TestFigures(t *testing.T) {
	for in, want := range map[float64]string{0: "0 bytes", 1023: "1023 bytes", 1024: "1 KiB", 300000: "293 KiB", 16 << 20: "16 MiB"} {
		if got := byteCount(in); got != want {
			t.Errorf("byteCount(%g) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[time.Duration]string{0: "less than a second", 2 * time.Second: "2 seconds", 90 * time.Second: "about a minute", 47 * time.Hour: "47 hours"} {
		if got := humanDuration(in); got != want {
			t.Errorf("humanDuration(%v) = %q, want %q", in, got, want)
		}
	}
}
