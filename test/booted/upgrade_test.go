//go:build testbed

package booted

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"foobar/test/booted/testbed"
	"foobar/test/tools/clients"
)

// maxWait bounds the time until a response while the service restarts, on a machine
// that runs other tests too. The test prints the longest time.
const maxWait = 10 * time.Second

// TestChangesUnderLoad reloads, restarts, upgrades and crashes the service while
// clients send requests. No request fails but those in flight at a crash.
func TestChangesUnderLoad(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		step := func(name string, test func(*testing.T, *service)) bool {
			return t.Run(name, func(t *testing.T) { test(t, s) })
		}
		_ = step("reload", func(t *testing.T, s *service) { reloadUnderLoad(t, s, "") }) &&
			step("restart", restartUnderLoad) &&
			step("upgrade", func(t *testing.T, s *service) { installUnderLoad(t, s, "v2") }) &&
			step("downgrade", func(t *testing.T, s *service) { installUnderLoad(t, s, "v1") }) &&
			step("crash", crashUnderLoad) &&
			step("removal", removalWhileRunning)
	})
}

// underLoad acts while clients of every profile send requests, and returns the
// outcome. No acknowledged write may be lost.
func (s *service) underLoad(t *testing.T, act func()) clients.Result {
	t.Helper()
	load, err := clients.Start(clients.Server{
		Address: "localhost:8080",
		Token:   s.token,
		TLS:     s.client.Transport.(*http.Transport).TLSClientConfig,
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return s.Dial(ctx, network, "127.0.0.1:8080")
		},
	}, clients.Profiles(), 2)
	if err != nil {
		t.Fatal(err)
	}
	awaitResponses(t, load)
	act()
	awaitResponses(t, load)
	res, err := load.Stop()
	if err != nil {
		t.Error(err)
	}
	t.Logf("%s:\n%v", t.Name(), res)
	for _, err := range res.Lost {
		t.Error(err)
	}
	for _, k := range res.Profiles {
		if k.Longest > maxWait {
			t.Errorf("%s: a response took %v", k.Profile.Name, k.Longest)
		}
		if k.Refused > 0 {
			t.Errorf("%s: %d connections were refused", k.Profile.Name, k.Refused)
		}
	}
	return res
}

// awaitResponses waits until each client has had a response, on average.
func awaitResponses(t *testing.T, load *clients.Load) {
	t.Helper()
	if err := load.AwaitResponses(3, 30*time.Second); err != nil {
		t.Error(err)
	}
}

// withoutFailure is underLoad, and wants no request to fail.
func (s *service) withoutFailure(t *testing.T, act func()) {
	t.Helper()
	for _, k := range s.underLoad(t, act).Profiles {
		for _, err := range k.Failed {
			t.Errorf("%s: %v", k.Profile.Name, err)
		}
		if k.CloseRaces > 1 {
			t.Errorf("%s: %d requests crossed the end of their connections", k.Profile.Name, k.CloseRaces)
		}
	}
}

// reloadUnderLoad changes a setting that open HTTP/2 connections cannot adopt:
// their clients have to reconnect. The rest of conf.yaml is config.
func reloadUnderLoad(t *testing.T, s *service, config string) {
	t.Helper()
	pid := show(t, s.Machine, "MainPID")
	s.withoutFailure(t, func() {
		s.Write(t, confFile, config+setting("limits", "header", "8KiB"))
		s.Exec(t, "systemctl", "reload", "foobar")
	})
	expectProperty(t, s.Machine, "MainPID", pid)
	// net/http allows 4 KiB more than the limit.
	code := s.Shell(t, "curl -sk --http1.1 -o /dev/null -w '%{http_code}' -H \"X-Long: $(printf %013000d 0)\" "+baseURL)
	if code != "431" {
		t.Errorf("a header over the new limit has status %s, want 431", code)
	}
}

func restartUnderLoad(t *testing.T, s *service) {
	pid := show(t, s.Machine, "MainPID")
	s.withoutFailure(t, func() { s.Exec(t, "systemctl", "restart", "foobar") })
	expectRestarted(t, s, pid)
}

// installUnderLoad installs one version of the packages over another. A client resumes its
// TLS session with the new process.
func installUnderLoad(t *testing.T, s *service, version string) {
	pid := show(t, s.Machine, "MainPID")
	cache := tls.NewLRUClientSessionCache(1)
	if s.resumesSession(t, cache) {
		t.Error("a client without a session has resumed one")
	}
	s.withoutFailure(t, func() {
		s.Shell(t, "pacman -U --noconfirm --noprogressbar "+testbed.Packages+"/"+version+"/foobar-{policy-,}[0-9]*.pkg.tar.zst")
	})
	expectRestarted(t, s, pid)
	if !s.resumesSession(t, cache) {
		t.Error("a client cannot resume its session")
	}
	expectContains(t, "pacman -Q", s.Exec(t, "pacman", "-Q", "foobar", "foobar-policy"), "-"+version[1:]+"\n")
	expectContains(t, "/metrics", s.Exec(t, "curl", "-sSf", metrics+"/metrics"), `version="`+s.version(t)+`"`)
	expectProperty(t, s.Machine, "NeedDaemonReload", "no")
}

// resumesSession sends a request on a connection of its own, and reports whether the
// connection has resumed a session of the cache.
func (s *service) resumesSession(t *testing.T, cache tls.ClientSessionCache) bool {
	t.Helper()
	own := connect(t, s.Machine)
	transport := own.client.Transport.(*http.Transport)
	transport.TLSClientConfig.ClientSessionCache = cache
	defer transport.CloseIdleConnections()
	return own.do(t, 200, "GET", "/", "").TLS.DidResume
}

// expectRestarted wants another process than pid, started by no failure.
func expectRestarted(t *testing.T, s *service, pid string) {
	t.Helper()
	if show(t, s.Machine, "MainPID") == pid {
		t.Error("the service was not restarted")
	}
	expectProperty(t, s.Machine, "NRestarts", "0")
	expectProperty(t, s.Machine, "ActiveState", "active")
}

// crashUnderLoad kills the service. A client has one request in flight, and can
// lose no more. New connections wait in the socket's backlog.
func crashUnderLoad(t *testing.T, s *service) {
	res := s.underLoad(t, func() {
		s.Exec(t, "systemctl", "kill", "--kill-whom=main", "-s", "KILL", "foobar")
		testbed.Eventually(t, 10*time.Second, func() string {
			if n := show(t, s.Machine, "NRestarts"); n != "1" {
				return "NRestarts=" + n
			}
			return ""
		})
	})
	for _, k := range res.Profiles {
		if len(k.Failed) > k.Clients {
			t.Errorf("%s: %d clients have %d failures: %v", k.Profile.Name, k.Clients, len(k.Failed), k.Failed)
		}
	}
	expectProperty(t, s.Machine, "NRestarts", "1")
}

// removalWhileRunning removes the packages of a running service: nothing of it
// keeps running or listening without its unit, and the state is kept.
func removalWhileRunning(t *testing.T, s *service) {
	s.store(t, "kept")
	out := s.Exec(t, "pacman", "-R", "--noconfirm", "--noprogressbar", "foobar", "foobar-policy")
	for _, wrong := range []string{"error", "failed"} {
		if strings.Contains(out, wrong) {
			t.Errorf("pacman -R says\n%s", out)
		}
	}
	if left := s.Exec(t, "systemctl", "list-units", "--no-legend", "--state=active,failed", "foobar*"); left != "" {
		t.Errorf("after the removal there are\n%s", left)
	}
	if got := s.Read(t, "/var/lib/private/foobar/statefile"); got != "kept" {
		t.Errorf("the state is %q after the removal", got)
	}
	s.Shell(t, "pacman -U --noconfirm --noprogressbar "+testbed.Packages+"/v1/foobar-{policy-,}[0-9]*.pkg.tar.zst")
	s.Exec(t, "systemctl", "start", "foobar")
	s.expectState(t, "kept")
	s.store(t, "written again")
}
