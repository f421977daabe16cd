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

	"foobar/src/batch"
)

// BenchmarkReplace compares, in one run, ways to replace a file: os.WriteFile,
// which is not durable; a durable rename for each write; a durable rename for all
// pending writes together; and a Store. The ratio is to os.WriteFile.
//
//	go test ./src/state -run '^$' -bench Replace -benchtime 2000x
func BenchmarkReplace(b *testing.B) {
	for _, writers := range []int{1, 16} {
		for _, size := range []int{1 << 10, 64 << 10, inlineSize, 1 << 20} {
			var baseline float64
			for _, m := range replaceMethods {
				name := fmt.Sprintf("%dKiB/%dwriters/%s", size>>10, writers, m.name)
				b.Run(name, func(b *testing.B) {
					write, done := m.open(b, b.TempDir())
					rate := runWriters(b, writers, size, write)
					done()
					if m.name == replaceMethods[0].name {
						baseline = rate
					}
					b.ReportMetric(rate, "writes/s")
					b.ReportMetric(rate/baseline, "ratio")
				})
			}
		}
	}
}

type writeFunc func(data []byte) error

var replaceMethods = []struct {
	name string
	open func(b *testing.B, dir string) (write writeFunc, done func())
}{
	{"writefile", openWriteFile},
	{"rename", openRename},
	{"groupedrename", openGroupedRename},
	{"store", openStoreWrites},
}

func openWriteFile(b *testing.B, dir string) (writeFunc, func()) {
	return func(data []byte) error { return os.WriteFile(filepath.Join(dir, FileName), data, 0o600) }, func() {}
}

func openRename(b *testing.B, dir string) (writeFunc, func()) {
	d := mustOpenDirectory(b, dir)
	var mu sync.Mutex
	return func(data []byte) error {
		mu.Lock()
		defer mu.Unlock()
		return writeAndRename(d, data)
	}, d.close
}

func openGroupedRename(b *testing.B, dir string) (writeFunc, func()) {
	d := mustOpenDirectory(b, dir)
	q := batch.NewQueue[*pendingWrite]()
	go renameBatches(d, q)
	return func(data []byte) error {
		w := pendingOf(data)
		q.Items <- w
		<-w.done
		return w.err
	}, func() { close(q.Items) }
}

func openStoreWrites(b *testing.B, dir string) (writeFunc, func()) {
	s, err := open(Options{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	return func(data []byte) error {
		_, err := s.Replace(context.Background(), nil, data)
		return err
	}, func() { s.Close() }
}

func mustOpenDirectory(b *testing.B, dir string) *directory {
	d, err := openDirectory(dir)
	if err != nil {
		b.Fatal(err)
	}
	return d
}

func writeAndRename(d *directory, data []byte) error {
	if err := d.writeFile(newFile, data); err != nil {
		return err
	}
	return d.renameDurably(newFile, FileName)
}

func renameBatches(d *directory, q *batch.Queue[*pendingWrite]) {
	defer d.close()
	for first := range q.Items {
		batch := q.Collect(first, nil)
		err := writeAndRename(d, batch[len(batch)-1].version.Data)
		for _, w := range batch {
			w.err = err
			close(w.done)
		}
	}
}

// runWriters makes b.N writes from concurrent writers and returns the writes per
// second.
func runWriters(b *testing.B, writers, size int, write writeFunc) float64 {
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
