//go:build testbed

package testbed

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Dial connects to an address from inside the machine's network. The address must
// be numeric: a lookup would run on other threads, in the host's network.
func (m *Machine) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	leader, err := m.leader()
	if err != nil {
		return nil, err
	}
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result)
	// A socket belongs to the network namespace of the thread that makes it. The
	// goroutine does not unlock its thread, which therefore ends with it.
	go func() {
		runtime.LockOSThread()
		if err := enterNetwork(leader); err != nil {
			done <- result{nil, err}
			return
		}
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		done <- result{conn, err}
	}()
	r := <-done
	return r.conn, r.err
}

func enterNetwork(pid string) error {
	ns, err := os.Open(filepath.Join("/proc", pid, "ns/net"))
	if err != nil {
		return err
	}
	defer ns.Close()
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("setns: %w", err)
	}
	return nil
}

// Client returns an HTTP client in the machine's network that trusts only the
// certificates in the machine's file certFile. It connects to 127.0.0.1 for every
// host name, and verifies the name.
func (m *Machine) Client(t testing.TB, certFile string) *http.Client {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(m.Read(t, certFile))) {
		t.Fatalf("%s: no certificate in it", certFile)
	}
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return m.Dial(ctx, network, net.JoinHostPort("127.0.0.1", port))
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}
}

// ClientOf is like Client for one protocol, HTTP/2 or HTTP/1.1, and several files
// of certificates.
func (m *Machine) ClientOf(t testing.TB, http2 bool, certFiles ...string) *http.Client {
	t.Helper()
	c := m.Client(t, certFiles[0])
	transport := c.Transport.(*http.Transport)
	for _, file := range certFiles[1:] {
		transport.TLSClientConfig.RootCAs.AppendCertsFromPEM([]byte(m.Read(t, file)))
	}
	transport.Protocols = new(http.Protocols)
	transport.Protocols.SetHTTP1(!http2)
	transport.Protocols.SetHTTP2(http2)
	return c
}

// Eventually polls until check returns "", less often as time goes by: most checks run
// programs in a machine. At the limit it fails the test with the last result of check,
// which names what is missing.
func Eventually(t testing.TB, limit time.Duration, check func() string) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for pause := 50 * time.Millisecond; ; pause = min(pause*3/2, 250*time.Millisecond) {
		missing := check()
		if missing == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", limit, strings.TrimSpace(missing))
		}
		time.Sleep(pause)
	}
}
