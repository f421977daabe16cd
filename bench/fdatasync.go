package main

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"foobar/bench/load"

	"golang.org/x/sys/unix"
)

// fdatasyncRow prints, below a table of writes, what the disk allows: a loop
// that overwrites a part of a file and flushes it, on the file system of the
// servers' data.
func (b *benchmark) fdatasyncRow(w workload) error {
	if !strings.HasPrefix(w.name, "post") {
		return nil
	}
	var rates []float64
	for range b.rounds {
		n, err := fdatasyncRate(filepath.Join(b.workdir.path, "fdatasync"), w.size, b.duration)
		if err != nil {
			return err
		}
		rates = append(rates, n)
	}
	b.report.print("\nA bare loop of `pwrite` and `fdatasync` of as many bytes, without network, TLS or HTTP: %s a second.\n", summarize(rates).format("%.0f"))
	return nil
}

func fdatasyncRate(path string, size int, d time.Duration) (perSecond float64, err error) {
	body := load.Body(size)
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer os.Remove(path)
	defer f.Close()
	if _, err := f.Write(body); err != nil {
		return 0, err
	}
	if err := f.Sync(); err != nil {
		return 0, err
	}
	n, start := 0, time.Now()
	for ; time.Since(start) < d; n++ {
		body[0]++
		if _, err := f.WriteAt(body, 0); err != nil {
			return 0, err
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return 0, err
		}
	}
	return float64(n) / time.Since(start).Seconds(), nil
}
