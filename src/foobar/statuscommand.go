package main

import (
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"foobar/src/adminclient"
)

func prepareStatus(flags *flag.FlagSet) action {
	address := flags.String("metrics", adminclient.DefaultMetrics, "")
	return func(env environment) error {
		f, err := adminclient.ReadStats(*address)
		if err != nil {
			return err
		}
		_, err = io.WriteString(env.stdout, report(f, exposure(), time.Now()))
		return err
	}
}

// report says to a person what the figures say. Exposure may be empty.
func report(f adminclient.Stats, exposure string, now time.Time) string {
	var text strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&text, "%-14s%s\n", name, fmt.Sprintf(format, args...))
	}
	line("service", "foobar %s, up %s, %s of memory", f.Version, span(now.Sub(f.Started)), byteCount(f.Resident))
	line("state", "%s", describeState(f, now))
	line("requests", "%.0f answered, %.0f in flight", f.Answered['1']+f.Answered['2']+f.Answered['3']+f.Answered['4']+f.Answered['5'], f.InFlight)
	line("errors", "%.0f failed (5xx), %.0f refused (4xx), %.0f not understood or too slow", f.Answered['5'], f.Answered['4'], f.Refused)
	line("certificate", "%s", describeExpiry(f.CertificateExpiry, now))
	line("configuration", "%s", describeLoad(f, now))
	if exposure != "" {
		line("exposure", "%s, as systemd-analyze security says", exposure)
	}
	return text.String()
}

func describeState(f adminclient.Stats, now time.Time) string {
	if f.StateWritten.IsZero() {
		return "none stored yet"
	}
	return fmt.Sprintf("%s, written %s, %s ago", byteCount(f.StateSize), f.StateWritten.Format(time.DateTime), span(now.Sub(f.StateWritten)))
}

func describeExpiry(expiry, now time.Time) string {
	date := expiry.Format(time.DateOnly)
	if left := expiry.Sub(now); left > 0 {
		return fmt.Sprintf("valid until %s, for %s", date, span(left))
	}
	return fmt.Sprintf("EXPIRED on %s", date)
}

func describeLoad(f adminclient.Stats, now time.Time) string {
	loaded := fmt.Sprintf("loaded %s, %s ago", f.Loaded.Format(time.DateTime), span(now.Sub(f.Loaded)))
	if f.LoadRefused {
		loaded += "; A LATER ONE WAS REFUSED, see journalctl -u foobar -p err"
	}
	return loaded
}
