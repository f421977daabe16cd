package state

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkWriters compares, in one run, the ways to replace a file: the undurable
// os.WriteFile, one commit by rename to each write, commits by rename that
// waiting writers share, and the Store. The ratio is to os.WriteFile.
//
//	go test ./src/state -run '^$' -bench Writers -benchtime 2000x
func BenchmarkWriters(b *testing.B) {
	for _, writers := range []int{1, 16} {
		for _, size := range []int{1 << 10, 64 << 10, inlineSize, 1 << 20} {
			var plain float64
			for _, way := range ways {
				name := fmt.Sprintf("%dKiB/%dwriters/%s", size>>10, writers, way.name)
				b.Run(name, func(b *testing.B) {
					write, done := way.open(b, b.TempDir())
					rate := drive(b, writers, size, write)
					done()
					if way.name == ways[0].name {
						plain = rate
					}
					b.ReportMetric(rate, "writes/s")
					b.ReportMetric(rate/plain, "ratio")
				})
			}
		}
	}
}

var ways = []struct {
	name string
	open func(b *testing.B, dir string) (write func([]byte) error, done func())
}{
	{"plain", func(b *testing.B, dir string) (func([]byte) error, func()) {
		return func(data []byte) error { return os.WriteFile(filepath.Join(dir, FileName), data, 0o600) }, func() {}
	}},
	{"rename", func(b *testing.B, dir string) (func([]byte) error, func()) {
		d := openBench(b, dir)
		var mu sync.Mutex
		return func(data []byte) error {
			mu.Lock()
			defer mu.Unlock()
			return d.byRename(data)
		}, d.close
	}},
	{"renamegroup", func(b *testing.B, dir string) (func([]byte) error, func()) {
		d := openBench(b, dir)
		g := newQueue()
		go d.renameGroup(&g)
		return func(data []byte) error {
			r := newPendingWrite(Condition{}, data)
			g.add(r)
			_, err := r.wait(context.Background())
			return err
		}, g.close
	}},
	{"store", func(b *testing.B, dir string) (func([]byte) error, func()) {
		s, err := Open(Options{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		return func(data []byte) error {
			_, err := s.Replace(context.Background(), Condition{}, data)
			return err
		}, func() { s.Close() }
	}},
}

func openBench(b *testing.B, dir string) *directory {
	d, err := openDirectory(dir)
	if err != nil {
		b.Fatal(err)
	}
	return d
}

func (d *directory) byRename(data []byte) error {
	if err := d.writeFile(newFile, data); err != nil {
		return err
	}
	return d.renameDurably(newFile, FileName)
}

func (d *directory) renameGroup(q *queue) {
	defer d.close()
	for range q.wake {
		batch, last := q.takeBatch()
		if len(batch) > 0 {
			completeAll(batch, d.byRename(batch[len(batch)-1].version.Data))
		}
		if last {
			return
		}
	}
}

// drive returns the writes per second.
func drive(b *testing.B, writers, size int, write func([]byte) error) float64 {
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	b.ResetTimer()
	start := time.Now()
	for range writers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := write(make([]byte, size)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return float64(b.N) / time.Since(start).Seconds()
}
