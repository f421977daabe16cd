//go:build cluster

package cluster

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// waitLimit limits each wait of a test.
const waitLimit = 30 * time.Second

// A member is one member of etcd in a network namespace of its own.
type member struct {
	name, address string
	holder        *exec.Cmd // keeps the namespace
	process       *exec.Cmd // nil while the member does not run
	args          []string
	dir           string
	log           *os.File
}

// Members are a cluster of etcd.
type members struct {
	all       []*member
	pki       *authority
	bin       string // directory of the programs
	endpoints []string
}

// startMembers starts a cluster, which ends with the test.
func startMembers(t testing.TB) *members {
	t.Helper()
	dir := t.TempDir()
	c := &members{pki: newAuthority(t, dir), bin: os.Getenv(programsVariable)}
	c.pki.issue(t, "root", time.Now().Add(time.Hour))
	run(t, "ip", "link", "set", "lo", "up")
	run(t, "ip", "link", "add", "br0", "type", "bridge")
	t.Cleanup(func() { exec.Command("ip", "link", "del", "br0").Run() })
	run(t, "ip", "address", "add", "10.77.0.1/24", "dev", "br0")
	run(t, "ip", "link", "set", "br0", "up")
	var initial []string
	for i := 1; i <= 3; i++ {
		m := &member{name: fmt.Sprint("m", i), address: fmt.Sprint("10.77.0.1", i)}
		m.dir = filepath.Join(dir, m.name)
		c.pki.issue(t, m.name, time.Now().Add(time.Hour), net.ParseIP(m.address), net.IPv4(127, 0, 0, 1))
		m.enterNamespace(t, i)
		c.all = append(c.all, m)
		c.endpoints = append(c.endpoints, m.address+":2379")
		initial = append(initial, m.name+"=https://"+m.address+":2380")
	}
	for _, m := range c.all {
		m.args = []string{
			"--name", m.name, "--data-dir", m.dir, "--initial-cluster", strings.Join(initial, ","), "--initial-cluster-token", "test",
			"--listen-client-urls", "https://" + m.address + ":2379", "--advertise-client-urls", "https://" + m.address + ":2379",
			"--listen-peer-urls", "https://" + m.address + ":2380", "--initial-advertise-peer-urls", "https://" + m.address + ":2380",
			"--client-cert-auth", "--trusted-ca-file", c.pki.file("ca.pem"), "--cert-file", c.pki.file(m.name + ".pem"), "--key-file", c.pki.file(m.name + ".key"),
			"--peer-client-cert-auth", "--peer-trusted-ca-file", c.pki.file("ca.pem"), "--peer-cert-file", c.pki.file(m.name + ".pem"), "--peer-key-file", c.pki.file(m.name + ".key"),
			"--log-level", "warn", "--log-outputs", "stderr",
		}
		m.start(t, c.bin)
	}
	t.Cleanup(func() {
		for _, m := range c.all {
			m.signal(syscall.SIGCONT)
			m.kill()
		}
	})
	c.awaitLeader(t)
	return c
}

// programsVariable is the environment variable with the directory of etcd's programs.
const programsVariable = "FOOBAR_ETCD_PROGRAMS"

// unpack downloads etcd if it is not there yet, and returns the directory of its
// programs.
func unpack() (string, error) {
	cmd := exec.Command("../machine", "unpack", "forky", "cluster", "etcd-server", "etcd-client")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("unpack etcd: %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "usr/bin"), nil
}

func run(t testing.TB, args ...string) {
	t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// enterNamespace makes the member's namespace, and a link to the bridge.
func (m *member) enterNamespace(t testing.TB, i int) {
	t.Helper()
	m.holder = exec.Command("sleep", "infinity")
	m.holder.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := m.holder.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.holder.Process.Kill()
		m.holder.Wait()
	})
	outside := fmt.Sprint("veth", i)
	run(t, "ip", "link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", fmt.Sprint(m.holder.Process.Pid))
	run(t, "ip", "link", "set", outside, "master", "br0", "up")
	m.inside(t, "ip", "address", "add", m.address+"/24", "dev", "eth0")
	m.inside(t, "ip", "link", "set", "eth0", "up")
	m.inside(t, "ip", "link", "set", "lo", "up")
}

// inside runs a command in the member's network namespace.
func (m *member) inside(t testing.TB, args ...string) {
	t.Helper()
	run(t, append(m.enter(), args...)...)
}

func (m *member) enter() []string {
	return []string{"nsenter", fmt.Sprintf("--net=/proc/%d/ns/net", m.holder.Process.Pid)}
}

func (m *member) start(t testing.TB, bin string) {
	t.Helper()
	if m.log == nil {
		m.log = must[*os.File](t)(os.Create(m.dir + ".log"))
	}
	args := append(append(m.enter(), filepath.Join(bin, "etcd")), m.args...)
	m.process = exec.Command(args[0], args[1:]...)
	m.process.Stderr = m.log
	m.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := m.process.Start(); err != nil {
		t.Fatal(err)
	}
}

func (m *member) signal(s syscall.Signal) {
	if m.process != nil {
		m.process.Process.Signal(s)
	}
}

// kill ends the member at once, stop as systemctl does.
func (m *member) kill() { m.end(syscall.SIGKILL) }
func (m *member) stop() { m.end(syscall.SIGTERM) }

func (m *member) end(s syscall.Signal) {
	m.signal(s)
	if m.process != nil {
		m.process.Wait()
	}
	m.process = nil
}

// client returns a client of the members that are given, as the user root.
func (c *members) client(t testing.TB, endpoints ...string) *clientv3.Client {
	t.Helper()
	return newClient(t, c.pki, "root", endpoints)
}

// awaitLeader waits until every member answers reads, and returns the leader.
func (c *members) awaitLeader(t testing.TB) *member {
	t.Helper()
	var leader *member
	for _, m := range c.all {
		client := c.client(t, m.address+":2379")
		var status *clientv3.StatusResponse
		eventually(t, "a leader, as "+m.name+" sees it", func() error {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := client.Get(ctx, "health"); err != nil {
				return err
			}
			var err error
			status, err = client.Status(ctx, m.address+":2379")
			return err
		})
		client.Close()
		if status.Leader == status.Header.MemberId {
			leader = m
		}
	}
	if leader == nil {
		return c.awaitLeader(t)
	}
	return leader
}

// eventually calls f until it returns nil.
func eventually(t testing.TB, what string, f func() error) {
	t.Helper()
	deadline := time.Now().Add(waitLimit)
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v: %v", what, waitLimit, err)
		}
		<-time.After(20 * time.Millisecond)
	}
}
