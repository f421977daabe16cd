//go:build cluster

package cluster

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"foobar/src/api"
	"foobar/src/api/apitest"
	etcd "foobar/src/cluster"
	"foobar/src/config"
	"foobar/src/metrics"
	backend "foobar/src/service"

	"go.uber.org/zap"
)

// apiSuite tests the API as the tests of src/api do over the disk. Each of its stores has
// a key of its own.
func apiSuite(t *testing.T, b *bed) {
	opened := 0
	apitest.Test(t, func(t *testing.T) api.Store {
		opened++
		c := config.Default()
		c.Cluster.Endpoints = config.Endpoints(strings.Join(b.endpoints, ", "))
		store, err := etcd.Backend{}.Open(backend.StoreOptions{
			Dir: fmt.Sprint("/var/lib/api", opened), CredentialsDir: b.services[0].dir, Config: c,
			Metrics: metrics.New("test"), Log: zap.NewNop(),
			OnCommit: func(time.Duration, time.Duration, int) {}, OnChange: func() {},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { store.Close() })
		return store
	})
}

// A clock is the wall clock of one process, as the process sees it. The kernel has one
// wall clock for all, and a time namespace none of its own, so the clock of a process is
// changed where the process reads it: in its copy of the vDSO (vdso(7)). The monotonic
// clock stays as it is, as with clock_settime(2).
type clock struct {
	memory *os.File
	offset int64 // address of the seconds by which the clock is ahead
}

// shiftedClock is the code of clock_gettime(2) that adds an offset to CLOCK_REALTIME:
//
//	mov    $228, %eax        # the number of clock_gettime
//	syscall
//	test   %edi, %edi        # CLOCK_REALTIME is 0
//	jne    1f
//	mov    2f(%rip), %rdx
//	add    %rdx, (%rsi)      # the seconds
//	1: ret
//	2: .quad 0               # the offset, aligned, so that it changes at once
var shiftedClock = []byte{
	0xb8, 0xe4, 0, 0, 0, 0x0f, 0x05, 0x85, 0xff, 0x75, 0x0a,
	0x48, 0x8b, 0x15, 0x0e, 0, 0, 0, 0x48, 0x01, 0x16, 0xc3, 31: 0, 39: 0,
}

const offsetInCode = 32

// takeClock replaces the clock of a process. The new code takes the place of
// gettimeofday(2), which Go does not call, and clock_gettime(2) jumps to it.
func takeClock(t testing.TB, pid int) *clock {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		t.Skip("the code of the clock is for x86-64")
	}
	memory := must[*os.File](t)(os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_RDWR, 0))
	t.Cleanup(func() { memory.Close() })
	start, size := findVDSO(t, pid)
	image := make([]byte, size)
	if _, err := memory.ReadAt(image, start); err != nil {
		t.Fatal(err)
	}
	address := map[string]int64{}
	for _, symbol := range must[[]elf.Symbol](t)(must[*elf.File](t)(elf.NewFile(bytes.NewReader(image))).DynamicSymbols()) {
		address[symbol.Name] = start + int64(symbol.Value)
		if symbol.Name == "__vdso_gettimeofday" && symbol.Size < uint64(len(shiftedClock))+8 {
			t.Fatalf("%s has %d bytes", symbol.Name, symbol.Size)
		}
	}
	from, to := address["__vdso_clock_gettime"], address["__vdso_gettimeofday"]
	if from == 0 || to == 0 {
		t.Fatalf("the vDSO has %v", address)
	}
	c := &clock{memory, to + offsetInCode}
	c.write(t, to, shiftedClock)
	c.write(t, from, binary.LittleEndian.AppendUint32([]byte{0xe9}, uint32(to-from-5))) // jmp
	return c
}

// findVDSO returns the address and the size of the vDSO of a process.
func findVDSO(t testing.TB, pid int) (start, size int64) {
	t.Helper()
	for line := range strings.Lines(read(t, fmt.Sprintf("/proc/%d/maps", pid))) {
		if strings.HasSuffix(line, "[vdso]\n") {
			var end int64
			if _, err := fmt.Sscanf(line, "%x-%x", &start, &end); err != nil {
				t.Fatal(err)
			}
			return start, end - start
		}
	}
	t.Fatalf("process %d has no vDSO", pid)
	return 0, 0
}

func (c *clock) write(t testing.TB, address int64, data []byte) {
	t.Helper()
	if _, err := c.memory.WriteAt(data, address); err != nil && err != io.EOF {
		t.Fatal(err)
	}
}

// set sets the clock ahead by d, in whole seconds, or back.
func (c *clock) set(t testing.TB, d time.Duration) {
	t.Helper()
	c.write(t, c.offset, binary.LittleEndian.AppendUint64(nil, uint64(d/time.Second)))
}

// maxJump is how far a clock is from the right time. The certificates are valid for so
// long before and after.
const maxJump = 30 * time.Minute

// clocksJump lets the clock of each member and each service jump again and again, each
// by itself, and checks with the last jump that the processes see it.
func clocksJump(t *testing.T, b *bed) {
	dates := map[*clock]func() (*http.Response, error){}
	var clocks []*clock
	for _, m := range b.all {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: clientTLS(t, b.pki, "root")}}
		c := takeClock(t, m.process.Process.Pid)
		dates[c] = func() (*http.Response, error) { return client.Get("https://" + m.address + ":2379/version") }
		clocks = append(clocks, c)
	}
	for _, s := range b.services {
		c := takeClock(t, s.process.Process.Pid)
		dates[c] = func() (*http.Response, error) { return s.client.Get("http://foobar/healthz") }
		clocks = append(clocks, c)
	}
	for end := time.Now().Add(2 * duration(t) / 5); time.Now().Before(end); <-time.After(5 * time.Millisecond) {
		clocks[rand.IntN(len(clocks))].set(t, rand.N(2*maxJump)-maxJump)
	}
	for i, c := range clocks {
		jump := maxJump
		if i%2 == 1 {
			jump = -maxJump
		}
		c.set(t, jump)
		eventually(t, "the date of a process whose clock has jumped", func() error {
			resp, err := dates[c]()
			if err != nil {
				return err
			}
			resp.Body.Close()
			date, err := http.ParseTime(resp.Header.Get("Date"))
			if off := time.Until(date) - jump; err == nil && off.Abs() > time.Minute {
				err = fmt.Errorf("%v, off by %v", date, off)
			}
			return err
		})
		c.set(t, 0)
	}
}
