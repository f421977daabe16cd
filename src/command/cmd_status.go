package command

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net/url"
	"strings"
	"time"

	"foobar/src/adminclient"

	"github.com/docker/go-units"
)

func newStatusCommand(flags *flag.FlagSet) action {
	address := adminclient.DefaultMetrics
	flags.Func("metrics", "", func(value string) error {
		u, err := url.Parse(value)
		if err != nil || u.Scheme != "http" || u.Hostname() == "" {
			return errors.New("allowed is a URL such as " + adminclient.DefaultMetrics)
		}
		address = value
		return nil
	})
	return func(env environment) error {
		m, err := adminclient.ReadMetrics(address)
		if err != nil {
			return err
		}
		_, err = io.WriteString(env.stdout, report(m, adminclient.Exposure("foobar.service"), time.Now()))
		return err
	}
}

// report formats the metrics for an administrator. Exposure may be empty.
func report(m adminclient.Metrics, exposure string, now time.Time) string {
	var text strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&text, "%-14s%s\n", name, fmt.Sprintf(format, args...))
	}
	age := func(name string) string { return humanDuration(now.Sub(m.Time(name))) }
	line("service", "foobar %s, up %s, %s of memory", m.Version, age("process_start_time_seconds"), byteCount(m.Values["process_resident_memory_bytes"]))
	const written = "foobar_state_last_write_timestamp_seconds"
	if m.Time(written).IsZero() {
		line("state", "none stored yet")
	} else {
		line("state", "%s, written %s, %s ago", byteCount(m.Values["foobar_state_size_bytes"]), m.Time(written).Format(time.DateTime), age(written))
	}
	const confirmed = "foobar_cluster_last_confirmed_timestamp_seconds"
	switch available, ok := m.Values["foobar_cluster_available"]; {
	case ok && available == 1:
		line("etcd", "revision %.0f, confirmed %s, %s ago", m.Values["foobar_cluster_revision"], m.Time(confirmed).Format(time.DateTime), age(confirmed))
	case ok && !m.Time(confirmed).IsZero():
		line("etcd", "NO QUORUM HAS ANSWERED SINCE %s, %s ago, see journalctl -u foobar -p err", m.Time(confirmed).Format(time.DateTime), age(confirmed))
	case ok:
		line("etcd", "NO QUORUM HAS ANSWERED YET, see journalctl -u foobar -p err")
	}
	line("requests", "%.0f answered, %.0f in flight", m.Values["foobar_http_requests_total"], m.Values["foobar_http_requests_in_flight"])
	line("errors", "%.0f failed (5xx), %.0f refused (4xx), %.0f malformed, too slow or over a limit", m.Responses['5'], m.Responses['4'], m.Values["foobar_http_requests_refused_total"])
	line("certificate", "%s", describeExpiry(m.Time("foobar_tls_certificate_not_after_timestamp_seconds"), now))
	if expiry := m.Time("foobar_cluster_certificate_not_after_timestamp_seconds"); !expiry.IsZero() {
		line("etcd-cert", "%s", describeExpiry(expiry, now))
	}
	const loaded = "foobar_config_last_reload_success_timestamp_seconds"
	rejected := ""
	if m.Values["foobar_config_last_reload_successful"] == 0 {
		rejected = "; A LATER ONE WAS REJECTED, see journalctl -u foobar -p err"
	}
	line("configuration", "loaded %s, %s ago%s", m.Time(loaded).Format(time.DateTime), age(loaded), rejected)
	if exposure != "" {
		line("exposure", "%s, as systemd-analyze security says", exposure)
	}
	return text.String()
}

// describeExpiry returns how long the certificate is valid. A time.Duration has no
// room for the years up to 9999, which a certificate can be valid until.
func describeExpiry(expiry, now time.Time) string {
	date := expiry.Format(time.DateOnly)
	switch left := expiry.Sub(now); {
	case left <= 0:
		return fmt.Sprintf("EXPIRED on %s", date)
	case left == math.MaxInt64:
		return fmt.Sprintf("valid until %s", date)
	default:
		return fmt.Sprintf("valid until %s, for %s", date, humanDuration(left))
	}
}

// byteCount formats a size with its unit and four digits at most.
func byteCount(n float64) string {
	return units.CustomSize("%.4g %s", n, 1024, []string{"bytes", "KiB", "MiB", "GiB", "TiB"})
}

// humanDuration formats d in one unit, such as "3 hours" and "about a minute".
func humanDuration(d time.Duration) string { return strings.ToLower(units.HumanDuration(d)) }
