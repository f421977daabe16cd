//go:build vm

package vm

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// dropIn adds lines to the [Socket] section of a socket unit until the test ends.
func (g *guest) dropIn(t *testing.T, socket, lines string) {
	t.Helper()
	const apply = "systemctl daemon-reload; systemctl stop foobar; systemctl start foobar"
	dir := "/run/systemd/system/" + socket + ".d"
	t.Cleanup(func() { g.Shell(t, "rm -r "+dir+"; "+apply) })
	g.Shell(t, "mkdir "+dir+"; printf '[Socket]\n"+lines+"' >"+dir+"/50-test.conf; "+apply)
}

// The outcomes of a request.
const (
	answered = "a response"
	dropped  = "no response: the packets are dropped"
)

// fromHost returns the outcome of a request from the host, which the machine sees
// as 10.0.2.2. qemu accepts the connection itself, whatever the machine does.
func (g *guest) fromHost(t *testing.T, url string) string {
	t.Helper()
	client := *g.ownProgram.client
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
		return dropped
	}
	return err.Error()
}

// fromGuest returns the outcome of a request on the machine itself.
func (g *guest) fromGuest(t *testing.T, url string) string {
	t.Helper()
	const timedOut = 28 // EXIT CODES of curl(1)
	out := g.Shell(t, "code=0; curl -sk -m 4 -o /dev/null "+url+" || code=$?; echo $code")
	switch code := strings.TrimSpace(out); code {
	case "0":
		return answered
	case strconv.Itoa(timedOut):
		return dropped
	default:
		return "curl's exit status " + code
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
			t.Errorf("a client on %s gets %s, want %s", client.from, client.got, client.want)
		}
	}
}

func (g *guest) ipLists(t *testing.T) {
	g.wantReach(t, answered, answered, answered)
	t.Run("another subnet than the machine's", func(t *testing.T) {
		g.example(t, "192.0.2.0/24")
		g.wantReach(t, dropped, answered, dropped)
	})
	t.Run("the machine's subnet", func(t *testing.T) {
		g.example(t, "10.0.2.0/24")
		g.wantReach(t, answered, answered, answered)
	})
	t.Run("a subnet and not the machine itself", func(t *testing.T) {
		g.dropIn(t, "foobar.socket", `IPAddressDeny=any\nIPAddressAllow=10.0.2.0/24\n`)
		g.wantReach(t, answered, dropped, answered)
	})
	g.wantReach(t, answered, answered, answered)
}

// example installs the shipped example of IP lists with another subnet, until the
// test ends.
func (g *guest) example(t *testing.T, subnet string) {
	t.Helper()
	text, err := os.ReadFile("../../examples/one-subnet/foobar.socket.d/20-site.conf")
	if err != nil {
		t.Fatal(err)
	}
	_, lines, _ := strings.Cut(string(text), "[Socket]\n")
	const documented = "192.0.2.0/24"
	if !strings.Contains(lines, documented) {
		t.Fatalf("the example does not contain %s", documented)
	}
	g.dropIn(t, "foobar.socket", strings.ReplaceAll(strings.ReplaceAll(lines, documented, subnet), "\n", `\n`))
}

// metricsSocket tests that the shipped IP lists hold where a drop-in opens the
// socket to all addresses.
func (g *guest) metricsSocket(t *testing.T) {
	g.dropIn(t, "foobar-metrics.socket", `ListenStream=\nListenStream=8081\n`)
	for _, client := range []struct{ from, want, got string }{
		{"the host", dropped, g.fromHost(t, "http://localhost/healthz")},
		{"127.0.0.1", answered, g.fromGuest(t, "http://127.0.0.1:8081/healthz")},
		{"the machine's own address", dropped, g.fromGuest(t, "http://10.0.2.15:8081/healthz")},
	} {
		if client.got != client.want {
			t.Errorf("a client on %s gets %s, want %s", client.from, client.got, client.want)
		}
	}
}
