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

// ticks is USER_HZ, the unit of starttime in proc_pid_stat(5). It is 100 on
// every architecture that the package is built for.
const ticks = 100

// newProcessCollector returns the usual process collector, or, where /proc/stat
// is hidden (ProcSubset=pid in the unit), one that exports
// process_start_time_seconds all the same: the usual one wants the boot time
// from there.
func newProcessCollector() prometheus.Collector {
	usual := collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})
	if _, err := os.Stat("/proc/stat"); err == nil {
		return usual
	}
	return withStartTime(usual)
}

func withStartTime(usual prometheus.Collector) prometheus.Collector {
	start, err := startTime()
	if err != nil {
		return usual
	}
	// The same name and help text as the usual collector's.
	desc := prometheus.NewDesc("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", nil, nil)
	return &processCollector{usual, prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, seconds(start))}
}

// processCollector adds one metric to a collector that describes it and does
// not collect it.
type processCollector struct {
	prometheus.Collector
	start prometheus.Metric
}

// Collect implements prometheus.Collector.
func (c *processCollector) Collect(ch chan<- prometheus.Metric) {
	c.Collector.Collect(ch)
	ch <- c.start
}

// startTime counts back from now what has passed since this process started:
// both its start and the boot clock count from boot.
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
	started := time.Duration(stat.Starttime) * (time.Second / ticks)
	return time.Now().Add(started - time.Duration(sinceBoot.Nano())), nil
}
