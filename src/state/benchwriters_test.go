package state

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkSingleWriter alternates between a Replace and what it cannot do
// without, a write and an fdatasync(2) on the same file system. Medians, because
// some syncs take ten times as long as most.
//
//	go test ./src/state -run '^$' -bench SingleWriter -benchtime 2000x
func BenchmarkSingleWriter(b *testing.B) {
	s := openStore(b, Options{Dir: b.TempDir(), CheckpointDelay: noCheckpoint})
	syncs := openSyncLoop(b)
	var bare, store []time.Duration
	for b.Loop() {
		start := time.Now()
		syncs.run(b, 1)
		synced := time.Now()
		replace(b, s, nil, string(make([]byte, 1<<10)))
		bare = append(bare, synced.Sub(start))
		store = append(store, time.Since(synced))
	}
	b.ReportMetric(median(bare), "µs/fdatasync")
	b.ReportMetric(median(store), "µs/Replace")
	b.ReportMetric(median(bare)/median(store), "ratio")
}

func median(d []time.Duration) (microseconds float64) {
	slices.Sort(d)
	return float64(d[len(d)/2]) / float64(time.Microsecond)
}

// BenchmarkWriters shows how the writes per second grow with the number of
// writers, beside a loop of fdatasync(2) on the same file system; the ratio is to
// that loop. Each writer is a client in another process that sends its next
// request when it has the response, as over HTTP. The store has one processor:
// fdatasync then keeps the Go runtime from reading requests, so that much depends
// on how many writes share a commit.
//
//	go test ./src/state -run '^$' -bench Writers -benchtime 20000x
func BenchmarkWriters(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, writers := range []int{1, 16, 64, 256, 1024} {
		b.Run(strconv.Itoa(writers), func(b *testing.B) {
			benchmarkWriters(b, writers)
		})
	}
}

func benchmarkWriters(b *testing.B, writers int) {
	var commits atomic.Int64
	s, err := open(Options{Dir: b.TempDir(), OnCommit: func(time.Duration, time.Duration, int) { commits.Add(1) }})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	write := func(data []byte) error {
		_, err := s.Replace(context.Background(), nil, data)
		return err
	}
	serve, stop := startClients(b, writers)
	defer stop()
	syncs := openSyncLoop(b)
	// Both sides in turn, as the speed of a disk changes from one second to the
	// next.
	const rounds, syncsPerRound = 10, 50
	var writing, syncing time.Duration
	for range rounds {
		start := time.Now()
		serve((b.N+rounds-1)/rounds, write)
		written := time.Now()
		syncs.run(b, syncsPerRound)
		writing += written.Sub(start)
		syncing += time.Since(written)
	}
	writeRate := float64(b.N) / writing.Seconds()
	syncRate := rounds * syncsPerRound / syncing.Seconds()
	b.ReportMetric(writeRate, "writes/s")
	b.ReportMetric(syncRate, "fdatasync/s")
	b.ReportMetric(writeRate/syncRate, "ratio")
	b.ReportMetric(float64(b.N)/float64(commits.Load()), "writes/commit")
}

// A syncLoop writes and syncs as a store does for a single writer, and does
// nothing else.
type syncLoop struct{ file *os.File }

func openSyncLoop(b *testing.B) syncLoop {
	f, err := os.Create(filepath.Join(b.TempDir(), "file"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	if _, err := f.Write(make([]byte, slotsSize)); err != nil {
		b.Fatal(err)
	}
	return syncLoop{f}
}

func (l syncLoop) run(b *testing.B, calls int) {
	record := make([]byte, headerSize+1<<10)
	for i := range calls {
		if _, err := l.file.WriteAt(record, int64(i%2)*slotSize); err != nil {
			b.Fatal(err)
		}
		if err := fdatasync(l.file); err != nil {
			b.Fatal(err)
		}
	}
}

// startClients connects clients of another process. The serve function handles n
// requests of theirs.
func startClients(b *testing.B, clients int) (serve func(n int, write writeFunc), stop func()) {
	dir := b.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, clientSocket))
	if err != nil {
		b.Fatal(err)
	}
	child := startChild(b, modeRequests, dir, uint64(clients))
	conns := make([]net.Conn, clients)
	for i := range conns {
		if conns[i], err = l.Accept(); err != nil {
			b.Fatal(err)
		}
	}
	serve = func(n int, write writeFunc) {
		var left atomic.Int64
		left.Store(int64(n))
		var wg sync.WaitGroup
		for _, c := range conns {
			wg.Go(func() {
				for left.Add(-1) >= 0 {
					if err := handleRequest(c, write); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
	}
	return serve, func() {
		child.kill()
		child.readAll()
		l.Close()
		for _, c := range conns {
			c.Close()
		}
	}
}

// handleRequest takes about as much processor time as a request over HTTPS.
func handleRequest(c net.Conn, write writeFunc) error {
	var b [1]byte
	if _, err := io.ReadFull(c, b[:]); err != nil {
		return err
	}
	var work [32 << 10]byte
	sha256.Sum256(work[:])
	if err := write(make([]byte, 1<<10)); err != nil {
		return err
	}
	_, err := c.Write(b[:])
	return err
}

// clientSocket is the name of the socket that runRequests connects to.
const clientSocket = "socket"

// runRequests has clients send requests until the process is killed.
func runRequests(dir string, clients uint64) {
	for range clients {
		c, err := net.Dial("unix", filepath.Join(dir, clientSocket))
		if err != nil {
			panic(fmt.Sprint("connect to the benchmark: ", err))
		}
		go func() {
			var b [1]byte
			for {
				if _, err := c.Write(b[:]); err != nil {
					return
				}
				if _, err := io.ReadFull(c, b[:]); err != nil {
					return
				}
			}
		}()
	}
	select {}
}
