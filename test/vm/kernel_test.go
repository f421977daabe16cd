//go:build vm

package vm

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What a container that shares the host's kernel does not show: a cold boot,
// and the limits of cgroups and of their packet filters.
func TestKernel(t *testing.T) {
	t.Parallel()
	m := NewMachine(t, *image, Durable)
	m.PowerOn(t)
	m.WaitUp(t)
	g := &guest{Machine: m}
	g.foobar, _ = programs(t, m)
	t.Run("enabled is up after a cold boot", g.coldBoot)
	t.Run("the largest uploads fit in", g.largestUploads)
	t.Run("MemoryMax", g.memoryMax)
	t.Run("TasksMax", g.tasksMax)
	t.Run("IP lists of the HTTPS socket", g.ipLists)
	t.Run("the metrics socket is the machine's own", g.metricsSocket)
}

// A guest is a machine that is up, with foobar on it.
type guest struct {
	*Machine
	foobar *program
}

// show is a property of a unit.
func (g *guest) show(t *testing.T, unit, property string) string {
	t.Helper()
	return strings.TrimSpace(g.Shell(t, fmt.Sprintf("systemctl show --value -p %s %s", property, unit)))
}

func (g *guest) number(t *testing.T, unit, property string) int {
	t.Helper()
	text := g.show(t, unit, property)
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s of %s is no number: %q", property, unit, text)
	}
	return n
}

// wantStored stores a state from outside and wants it back.
func (g *guest) wantStored(t *testing.T, state string) {
	t.Helper()
	if err := g.foobar.post(context.Background(), []byte(state)); err != nil {
		t.Fatal(err)
	}
	g.wantState(t, state)
}

// wantState waits until the service serves a state again.
func (g *guest) wantState(t *testing.T, state string) {
	t.Helper()
	if found := g.foobar.waitFor(t, g.Machine); found.status != http.StatusOK || string(found.body) != state {
		t.Errorf("GET is answered %d %.100q, want %q", found.status, found.body, state)
	}
}

// coldBoot is the first boot after `pacman -U foobar` and `systemctl enable`.
func (g *guest) coldBoot(t *testing.T) {
	if state := strings.TrimSpace(g.Shell(t, "systemctl is-system-running || systemctl --failed")); state != "running" {
		t.Errorf("the system is: %s", state)
	}
	if state := g.show(t, "foobar.service", "ActiveState"); state != "active" {
		t.Fatalf("foobar.service is %s", state)
	}
	const entered = "ActiveEnterTimestampMonotonic"
	foobar, target := g.number(t, "foobar.service", entered), g.number(t, "multi-user.target", entered)
	if foobar == 0 || foobar > target {
		t.Errorf("up %d µs after the kernel started, multi-user.target %d µs", foobar, target)
	}
	if n := g.number(t, "foobar.service", "NRestarts"); n != 0 {
		t.Errorf("%d restarts", n)
	}
	if found := g.foobar.waitFor(t, g.Machine); found.status != http.StatusNotFound {
		t.Errorf("GET before the first write is answered %d", found.status)
	}
	g.wantStored(t, "after a cold boot")
}

// upload is a script in which a number of clients of the admin socket, which
// costs the emulated processor no TLS, store 16 MiB each at the same time; it
// prints the status of each answer, 000 for none.
const upload = `
[[ -e /run/large ]] || head -c 16M /dev/urandom >/run/large
for client in $(seq %d); do
  curl -sS -m 200 -o /dev/null -w '%%{http_code}\n' --unix-socket /run/foobar-admin.sock -T /run/large --request-target / http://foobar 2>/dev/null &
done
for client in $(seq %[1]d); do wait -n || true; done
`

// largestUploads is what the shipped limits are for: the service answers
// every client, and neither memory nor threads run out.
func (g *guest) largestUploads(t *testing.T) {
	before := g.show(t, "foobar.service", "MainPID")
	answers := strings.Fields(g.Shell(t, fmt.Sprintf(upload, 12)))
	stored := 0
	for _, answer := range answers {
		switch answer {
		case "200", "201":
			stored++
		case "503":
		default:
			t.Errorf("an upload is answered %s", answer)
		}
	}
	if stored == 0 || len(answers) != 12 {
		t.Errorf("of 12 uploads %d are answered, %d stored", len(answers), stored)
	}
	if after := g.show(t, "foobar.service", "MainPID"); after != before {
		t.Errorf("the service's process was %s and is %s", before, after)
	}
	const cgroup = "/sys/fs/cgroup/system.slice/foobar.service/"
	usage := g.Shell(t, "cd "+cgroup+" && echo memory.peak $(<memory.peak) of $(<memory.max), pids.peak $(<pids.peak) of $(<pids.max)")
	t.Logf("%d of %d stored; %s", stored, len(answers), strings.TrimSpace(usage))
	for _, file := range []string{"memory.events", "pids.events"} {
		events := g.Shell(t, "cat "+cgroup+file)
		if refused := regexp.MustCompile(`(?m)^(oom|oom_kill|max) [1-9].*`).FindString(events); refused != "" {
			t.Errorf("%s: %s", file, refused)
		}
	}
}

// limit sets a property until the test ends.
func (g *guest) limit(t *testing.T, property, value string) {
	t.Helper()
	old := g.show(t, "foobar.service", property)
	t.Cleanup(func() { g.setProperty(t, property, old) })
	g.setProperty(t, property, value)
}

func (g *guest) setProperty(t *testing.T, property, value string) {
	t.Helper()
	g.Shell(t, fmt.Sprintf("systemctl set-property --runtime foobar.service %s=%s", property, value))
}

// memoryMax: whoever makes the service use more than it may ends the service,
// not its neighbour, and it comes back with the state.
func (g *guest) memoryMax(t *testing.T) {
	g.wantStored(t, "before the memory ran out")
	neighbour, restarts := g.show(t, "baseline.service", "MainPID"), g.number(t, "foobar.service", "NRestarts")
	g.limit(t, "MemorySwapMax", "0")
	g.limit(t, "MemoryMax", "24M")
	answers := strings.Fields(g.Shell(t, fmt.Sprintf(upload, 3)))

	g.wantJournal(t, "killed by the OOM killer")
	g.wantUp(t)
	if n := g.number(t, "foobar.service", "NRestarts"); n <= restarts {
		t.Errorf("%d restarts, and %d before", n, restarts)
	}
	for _, answer := range answers {
		if strings.HasPrefix(answer, "20") {
			t.Fatalf("24 MiB are enough for 16 MiB twice: %q", answers)
		}
	}
	g.wantState(t, "before the memory ran out")
	if now := g.show(t, "baseline.service", "MainPID"); now != neighbour {
		t.Errorf("the neighbour's process was %s and is %s", neighbour, now)
	}
}

// tasksMax: a service that gets no threads does not come up and is tried again,
// and is back by itself when it gets them.
func (g *guest) tasksMax(t *testing.T) {
	g.wantStored(t, "before the threads ran out")
	t.Run("too few", func(t *testing.T) {
		g.limit(t, "TasksMax", "2")
		g.Shell(t, "systemctl kill --signal=KILL foobar")
		g.eventually(t, time.Minute, func() error {
			_, err := g.run("dmesg | grep 'fork rejected by pids controller in .*foobar.service'", time.Minute)
			return err
		})
		if out := g.Shell(t, "systemctl is-active foobar || true; systemd-run --wait --pipe --quiet echo others fork"); !strings.Contains(out, "others fork") || strings.HasPrefix(out, "active") {
			t.Errorf("with no threads to have: %q", out)
		}
	})
	g.wantUp(t)
	g.wantState(t, "before the threads ran out")
}

func (g *guest) wantUp(t *testing.T) {
	t.Helper()
	g.eventually(t, 2*time.Minute, func() error {
		_, err := g.run("systemctl is-active foobar", time.Minute)
		return err
	})
}

// wantJournal waits for a line of what the manager says of foobar.service.
func (g *guest) wantJournal(t *testing.T, line string) {
	t.Helper()
	g.eventually(t, time.Minute, func() error {
		_, err := g.run(fmt.Sprintf("journalctl -q -b -u foobar | grep -q '%s'", line), time.Minute)
		return err
	})
}

// dropIn adds lines to the [Socket] section of a socket of the service until
// the test ends.
func (g *guest) dropIn(t *testing.T, socket, lines string) {
	t.Helper()
	const apply = "systemctl daemon-reload; systemctl stop foobar; systemctl start foobar"
	dir := "/run/systemd/system/" + socket + ".d"
	t.Cleanup(func() { g.Shell(t, "rm -r "+dir+"; "+apply) })
	g.Shell(t, "mkdir "+dir+"; printf '[Socket]\n"+lines+"' >"+dir+"/50-test.conf; "+apply)
}

// What a client gets.
const (
	answered = "an answer"
	nothing  = "nothing, as if there were no machine"
)

// fromHost says what a client outside, which the machine sees as 10.0.2.2,
// gets from a port. The connection itself is qemu's.
func (g *guest) fromHost(t *testing.T, url string) string {
	t.Helper()
	client := *g.foobar.client
	client.Timeout = 4 * time.Second
	port := httpsPort
	if strings.HasPrefix(url, "http:") {
		port = metricsPort
	}
	client.Transport.(*http.Transport).CloseIdleConnections()
	transport := client.Transport.(*http.Transport).Clone()
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, g.Address(port))
	}
	client.Transport = transport
	defer transport.CloseIdleConnections()
	r, err := client.Get(url)
	var timeout net.Error
	switch {
	case err == nil:
		r.Body.Close()
		return answered
	case errors.As(err, &timeout) && timeout.Timeout():
		return nothing
	}
	return err.Error()
}

// fromGuest says what a client on the machine itself gets.
func (g *guest) fromGuest(t *testing.T, url string) string {
	t.Helper()
	const timedOut = 28 // EXIT CODES of curl(1)
	out := g.Shell(t, "code=0; curl -sk -m 4 -o /dev/null "+url+" || code=$?; echo $code")
	switch code := strings.TrimSpace(out); code {
	case "0":
		return answered
	case strconv.Itoa(timedOut):
		return nothing
	default:
		return "exit status " + code + " of curl"
	}
}

func (g *guest) wantReach(t *testing.T, host, loopback, own string) {
	t.Helper()
	for _, client := range []struct{ from, want, got string }{
		{"the host", host, g.fromHost(t, "https://localhost/")},
		{"127.0.0.1", loopback, g.fromGuest(t, "https://127.0.0.1:8080/")},
		{"the machine's own address", own, g.fromGuest(t, "https://10.0.2.15:8080/")},
	} {
		if client.got != client.want {
			t.Errorf("a client from %s gets %s, want %s", client.from, client.got, client.want)
		}
	}
}

func (g *guest) ipLists(t *testing.T) {
	g.wantReach(t, answered, answered, answered)
	t.Run("another subnet than the machine's", func(t *testing.T) {
		g.example(t, "192.0.2.0/24")
		g.wantReach(t, nothing, answered, nothing)
	})
	t.Run("the machine's subnet", func(t *testing.T) {
		g.example(t, "10.0.2.0/24")
		g.wantReach(t, answered, answered, answered)
	})
	t.Run("one that leaves out the machine itself", func(t *testing.T) {
		g.dropIn(t, "foobar.socket", `IPAddressDeny=any\nIPAddressAllow=10.0.2.0/24\n`)
		g.wantReach(t, answered, nothing, answered)
	})
	g.wantReach(t, answered, answered, answered)
}

// example installs the shipped example of IP lists until the test ends, with a
// subnet in place of its own.
func (g *guest) example(t *testing.T, subnet string) {
	t.Helper()
	text, err := os.ReadFile("../../examples/one-subnet/foobar.socket.d/20-site.conf")
	if err != nil {
		t.Fatal(err)
	}
	_, lines, _ := strings.Cut(string(text), "[Socket]\n")
	const its = "192.0.2.0/24"
	if !strings.Contains(lines, its) {
		t.Fatalf("the example is not about %s", its)
	}
	g.dropIn(t, "foobar.socket", strings.ReplaceAll(strings.ReplaceAll(lines, its, subnet), "\n", `\n`))
}

// metricsSocket: the shipped lists hold even where a site's drop-in opens the
// socket to all addresses.
func (g *guest) metricsSocket(t *testing.T) {
	g.dropIn(t, "foobar-metrics.socket", `ListenStream=\nListenStream=8081\n`)
	for _, client := range []struct{ from, want, got string }{
		{"the host", nothing, g.fromHost(t, "http://localhost/healthz")},
		{"127.0.0.1", answered, g.fromGuest(t, "http://127.0.0.1:8081/healthz")},
		{"the machine's own address", nothing, g.fromGuest(t, "http://10.0.2.15:8081/healthz")},
	} {
		if client.got != client.want {
			t.Errorf("a client from %s gets %s, want %s", client.from, client.got, client.want)
		}
	}
}
