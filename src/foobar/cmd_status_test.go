package main

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"foobar/src/adminclient"
)

func TestStatusShowsWhatNeedsAttention(t *testing.T) {
	p := start(t, "")
	p.write("conf.yaml", "log: {level: loud}\n")
	p.signal(syscall.SIGHUP)
	p.message("REJECTED")
	f, err := adminclient.ReadStats("http://" + p.metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		exposure string
		now      time.Time
		want     string
	}{
		"refused reload": {"", time.Now(), "A LATER ONE WAS REJECTED, see journalctl"},
		"expiry":         {"", f.CertificateExpiry.Add(time.Hour), "EXPIRED on " + f.CertificateExpiry.Format(time.DateOnly)},
		"exposure":       {"0.1 SAFE", time.Now(), "exposure      0.1 SAFE, as "},
	} {
		text := report(f, test.exposure, test.now)
		if !strings.Contains(text, test.want) {
			t.Errorf("%s: no %q in\n%s", name, test.want, text)
		}
		if test.exposure == "" && strings.Contains(text, "exposure") {
			t.Errorf("%s: an exposure that nobody knows in\n%s", name, text)
		}
	}
}

func TestQuantitiesForPeople(t *testing.T) {
	for in, want := range map[float64]string{0: "0 bytes", 1023: "1023 bytes", 1024: "1.0 KiB", 300000: "293 KiB", 16 << 20: "16.0 MiB", 5 << 40: "5120 GiB"} {
		if got := byteCount(in); got != want {
			t.Errorf("byteCount(%g) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[time.Duration]string{
		0: "a moment", 2 * time.Second: "2 seconds", 119 * time.Second: "119 seconds", 2 * time.Minute: "2 minutes",
		119 * time.Minute: "119 minutes", 47 * time.Hour: "47 hours", 365 * 24 * time.Hour: "365 days",
	} {
		if got := humanDuration(in); got != want {
			t.Errorf("humanDuration(%v) = %q, want %q", in, got, want)
		}
	}
}
