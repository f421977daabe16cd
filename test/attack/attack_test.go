//go:build attack

package attack

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// maxWait is how long a client that behaves may wait during an attack.
const maxWait = time.Second

func TestAttacks(t *testing.T) {
	program := filepath.Join(t.TempDir(), "foobar")
	command(t, "", "go", "build", "-o", program, "foobar/src/foobar")
	for _, a := range attacks() {
		t.Run(a.name, func(t *testing.T) { withstand(t, startService(t, program), a) })
	}
}

// withstand attacks the service, while a client that behaves sends a request
// after each hundredth of the connections.
func withstand(t *testing.T, s *service, a attack) {
	longest := time.Duration(0)
	for i := range a.connections {
		c, err := dial(s.https, i)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		t.Cleanup(func() { c.Close() })
		a.hold(c)
		if i%(a.connections/100) == 0 {
			longest = max(longest, s.get(t))
		}
	}
	memory := s.peakMemory(t) >> 20
	t.Logf("%d connections: peak %d MiB, longest wait %v", a.connections, memory, longest.Round(time.Millisecond))
	if longest > maxWait {
		t.Errorf("a client that behaves has waited %v", longest)
	}
	if memory > a.memory {
		t.Errorf("the peak of memory is %d MiB, more than %d", memory, a.memory)
	}
	if a.refusal != "" && !strings.Contains(s.metrics(t), `reason="`+a.refusal+`"`) {
		t.Errorf("the metrics do not count %s", a.refusal)
	}
}

// dial connects from one of six addresses, as limits.per_address allows one
// address a quarter of the connections.
func dial(address string, i int) (net.Conn, error) {
	from := &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i%6))}
	return (&net.Dialer{LocalAddr: from, Timeout: 10 * time.Second}).Dial("tcp", address)
}

// A service is the program without systemd, with the shipped limits.
type service struct {
	cmd                      *exec.Cmd
	https, metricsURL, admin string
}

func startService(t *testing.T, program string) *service {
	t.Helper()
	dir := t.TempDir()
	os.Mkdir(filepath.Join(dir, "data"), 0o700)
	os.Mkdir(filepath.Join(dir, "credentials"), 0o700)
	cert := func(name string) string { return filepath.Join(dir, "credentials", name) }
	command(t, "", program, "init-credentials", "-dir", filepath.Join(dir, "credentials"), "-host", "localhost")
	s := &service{https: freeAddress(t), admin: filepath.Join(dir, "admin.sock")}
	metrics := freeAddress(t)
	s.metricsURL = "http://" + metrics + "/metrics"
	s.cmd = exec.Command(program, "-data", filepath.Join(dir, "data"), "-cert", cert("cert"), "-key", cert("key"),
		"-token", cert("token"), "-listen", s.https, "-metrics-listen", metrics, "-admin-listen", s.admin)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.cmd.Process.Kill(); s.cmd.Wait() })
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(s.admin); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the service does not listen")
		}
	}
	command(t, strings.Repeat("x", stateSize), program, "put", "-socket", s.admin)
	return s
}

// get sends a request over a connection of its own, and returns how long it took.
func (s *service) get(t *testing.T) time.Duration {
	t.Helper()
	start := time.Now()
	c := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true,
	}}
	req, err := http.NewRequest("GET", "https://"+s.https+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Range", "bytes=0-9")
	resp, err := c.Do(req)
	if err != nil {
		t.Fatalf("a client that behaves: %v", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusPartialContent {
		t.Errorf("a client that behaves gets status %d", resp.StatusCode)
	}
	return time.Since(start)
}

var peak = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// peakMemory returns the largest resident set so far, in bytes, see proc(5).
func (s *service) peakMemory(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(s.cmd.Process.Pid) + "/status")
	if err != nil {
		t.Fatalf("the service has ended: %v", err)
	}
	n, err := strconv.ParseInt(string(peak.FindSubmatch(text)[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n << 10
}

func (s *service) metrics(t *testing.T) string {
	t.Helper()
	resp, err := http.Get(s.metricsURL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func command(t *testing.T, stdin string, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}
