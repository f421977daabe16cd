package main

import (
	"testing"
	"time"
)

func TestByteCount(t *testing.T) {
	for in, want := range map[float64]string{0: "0 bytes", 1023: "1023 bytes", 1024: "1.0 KiB", 300000: "293 KiB", 16 << 20: "16.0 MiB", 5 << 40: "5120 GiB"} {
		if got := byteCount(in); got != want {
			t.Errorf("byteCount(%g) = %q, want %q", in, got, want)
		}
	}
}

func TestHumanDuration(t *testing.T) {
	for in, want := range map[time.Duration]string{
		0: "a moment", 2 * time.Second: "2 seconds", 119 * time.Second: "119 seconds", 2 * time.Minute: "2 minutes",
		119 * time.Minute: "119 minutes", 47 * time.Hour: "47 hours", 365 * 24 * time.Hour: "365 days",
	} {
		if got := humanDuration(in); got != want {
			t.Errorf("humanDuration(%v) = %q, want %q", in, got, want)
		}
	}
}
