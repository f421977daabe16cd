package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"foobar/src/adminclient"
)

func newStatusCommand(flags *flag.FlagSet) action {
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

// report formats the metrics for an administrator. Exposure may be empty.
func report(f adminclient.Stats, exposure string, now time.Time) string {
	var text strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&text, "%-14s%s\n", name, fmt.Sprintf(format, args...))
	}
	line("service", "foobar %s, up %s, %s of memory", f.Version, humanDuration(now.Sub(f.Started)), byteCount(f.Resident))
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
	return fmt.Sprintf("%s, written %s, %s ago", byteCount(f.StateSize), f.StateWritten.Format(time.DateTime), humanDuration(now.Sub(f.StateWritten)))
}

func describeExpiry(expiry, now time.Time) string {
	date := expiry.Format(time.DateOnly)
	if left := expiry.Sub(now); left > 0 {
		return fmt.Sprintf("valid until %s, for %s", date, humanDuration(left))
	}
	return fmt.Sprintf("EXPIRED on %s", date)
}

func describeLoad(f adminclient.Stats, now time.Time) string {
	loaded := fmt.Sprintf("loaded %s, %s ago", f.Loaded.Format(time.DateTime), humanDuration(now.Sub(f.Loaded)))
	if f.LoadRefused {
		loaded += "; A LATER ONE WAS REJECTED, see journalctl -u foobar -p err"
	}
	return loaded
}

// exposureTimeout is many times what systemd-analyze takes.
const exposureTimeout = 10 * time.Second

// exposure returns the exposure level that systemd-analyze(1) gives the unit,
// such as "0.1 SAFE", or nothing where systemd is not PID 1. The service itself
// could not run systemd-analyze: its sandbox has no other program.
func exposure() string {
	ctx, cancel := context.WithTimeout(context.Background(), exposureTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "systemd-analyze", "security", "--no-pager", "foobar.service")
	cmd.Env = []string{"LC_ALL=C.UTF-8"}
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	level := regexp.MustCompile(`Overall exposure level for foobar\.service: (\d+\.\d [A-Z]+)`).FindSubmatch(out)
	if level == nil {
		return ""
	}
	return string(level[1])
}
