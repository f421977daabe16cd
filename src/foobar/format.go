package main

import (
	"fmt"
	"time"
)

// byteCount formats a size with its unit and at least three digits.
func byteCount(n float64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB"}
	i := 0
	for ; n >= 1024 && i < len(units)-1; i++ {
		n /= 1024
	}
	if i == 0 || n >= 100 {
		return fmt.Sprintf("%.0f %s", n, units[i])
	}
	return fmt.Sprintf("%.1f %s", n, units[i])
}

// humanDuration formats d in the largest unit that fits in it twice, so the
// rounding error is less than half of d.
func humanDuration(d time.Duration) string {
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "days"}, {time.Hour, "hours"}, {time.Minute, "minutes"}} {
		if n := d / unit.length; n > 1 {
			return fmt.Sprintf("%d %s", n, unit.name)
		}
	}
	if d < 2*time.Second {
		return "a moment"
	}
	return fmt.Sprintf("%d seconds", d/time.Second)
}
