package metrics

import (
	"fmt"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// userHZ is USER_HZ, the number of clock ticks in a second in which
// proc_pid_stat(5) gives starttime. It is 100 on every architecture that the
// package is built for.
const userHZ = 100

// newProcessCollector returns client_golang's process collector. That collector
// reads the boot time from /proc/stat; where the unit hides the file
// (ProcSubset=pid), process_start_time_seconds is collected separately.
func newProcessCollector() prometheus.Collector {
	standard := collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})
	if _, err := os.Stat("/proc/stat"); err == nil {
		return standard
	}
	return withStartTime(standard)
}

func withStartTime(standard prometheus.Collector) prometheus.Collector {
	start, err := startTime()
	if err != nil {
		return standard
	}
	// Name and help text are the ones that the standard collector describes.
	desc := prometheus.NewDesc("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", nil, nil)
	return &processCollector{standard, prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, unixSeconds(start))}
}

// A processCollector adds the start time to a collector that describes this
// metric but does not collect it.
type processCollector struct {
	prometheus.Collector
	startTime prometheus.Metric
}

// Collect implements prometheus.Collector.
func (c *processCollector) Collect(ch chan<- prometheus.Metric) {
	c.Collector.Collect(ch)
	ch <- c.startTime
}

// startTime returns when this process started. It subtracts the age of the
// process from now: CLOCK_BOOTTIME and the start time in proc_pid_stat(5) both
// count from boot.
func startTime() (time.Time, error) {
	self, err := procfs.Self()
	if err != nil {
		return time.Time{}, fmt.Errorf("find own process: %w", err)
	}
	stat, err := self.Stat()
	if err != nil {
		return time.Time{}, fmt.Errorf("read own start time: %w", err)
	}
	var sinceBoot unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &sinceBoot); err != nil {
		return time.Time{}, fmt.Errorf("read the boot clock: %w", err)
	}
	started := time.Duration(stat.Starttime) * (time.Second / userHZ)
	return time.Now().Add(started - time.Duration(sinceBoot.Nano())), nil
}
