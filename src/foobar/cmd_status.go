package main

import (
	"flag"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"foobar/src/adminclient"
)

func newStatusCommand(flags *flag.FlagSet) action {
	address := adminclient.DefaultMetrics
	stringFlag(flags, "metrics", &address)
	return func(env environment) error {
		stats, err := adminclient.ReadStats(address)
		if err != nil {
			return err
		}
		_, err = io.WriteString(env.stdout, report(stats, adminclient.Exposure("foobar.service"), time.Now()))
		return err
	}
}

// report formats the metrics for an administrator. Exposure may be empty.
func report(stats adminclient.Stats, exposure string, now time.Time) string {
	var text strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&text, "%-14s%s\n", name, fmt.Sprintf(format, args...))
	}
	responses := 0.0
	for _, n := range stats.Responses {
		responses += n
	}
	line("service", "foobar %s, up %s, %s of memory", stats.Version, humanDuration(now.Sub(stats.Started)), byteCount(stats.Resident))
	line("state", "%s", describeState(stats, now))
	line("requests", "%.0f answered, %.0f in flight", responses, stats.InFlight)
	line("errors", "%.0f failed (5xx), %.0f refused (4xx), %.0f not understood or too slow", stats.Responses['5'], stats.Responses['4'], stats.Refused)
	line("certificate", "%s", describeExpiry(stats.CertificateExpiry, now))
	line("configuration", "%s", describeLoad(stats, now))
	if exposure != "" {
		line("exposure", "%s, as systemd-analyze security says", exposure)
	}
	return text.String()
}

func describeState(stats adminclient.Stats, now time.Time) string {
	if stats.StateWritten.IsZero() {
		return "none stored yet"
	}
	return fmt.Sprintf("%s, written %s, %s ago", byteCount(stats.StateSize), stats.StateWritten.Format(time.DateTime), humanDuration(now.Sub(stats.StateWritten)))
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

func describeLoad(stats adminclient.Stats, now time.Time) string {
	loaded := fmt.Sprintf("loaded %s, %s ago", stats.Loaded.Format(time.DateTime), humanDuration(now.Sub(stats.Loaded)))
	if stats.ReloadRejected {
		loaded += "; A LATER ONE WAS REJECTED, see journalctl -u foobar -p err"
	}
	return loaded
}
