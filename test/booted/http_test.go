//go:build testbed

package booted

import (
	"strings"
	"testing"

	"foobar/test/booted/testbed"
)

// TestHTTP sends requests over HTTPS: before the first write, then as a client that offers
// both protocols and gets HTTP/1.1, and as one that offers HTTP/2 alone.
func TestHTTP(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		withoutState(t, s)
		readsAndWrites(t, s, 1)
		s.client = s.ClientOf(t, true, credsDir+"/cert")
		readsAndWrites(t, s, 2)
	})
}

func withoutState(t *testing.T, s *service) {
	t.Helper()
	r := s.do(t, 404, "GET", "/", "")
	expectContains(t, "GET before the first write", r.text, "no state has been stored")
	for _, wrong := range []string{"", "Authorization: Bearer wrong-wrong-wrong-wrong", "Authorization: Basic " + s.token} {
		r := s.do(t, 401, "POST", "/", "x", wrong)
		expectContains(t, "WWW-Authenticate", r.Header.Get("WWW-Authenticate"), "Bearer")
	}
	s.do(t, 404, "GET", "/", "")
}

func readsAndWrites(t *testing.T, s *service, protocolMajor int) {
	t.Helper()
	const state = "<script>1</script>"
	s.store(t, state)
	r := s.do(t, 200, "GET", "/", "")
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Content-Type": "application/octet-stream"} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if r.ProtoMajor != protocolMajor {
		t.Errorf("the response is %s, want HTTP/%d", r.Proto, protocolMajor)
	}
	etag := r.Header.Get("ETag")
	s.do(t, 304, "GET", "/", "", "If-None-Match: "+etag)
	head := s.do(t, 200, "HEAD", "/", "")
	if head.Header.Get("ETag") != etag || head.ContentLength != int64(len(state)) {
		t.Errorf("HEAD: ETag %q, length %d", head.Header.Get("ETag"), head.ContentLength)
	}

	s.do(t, 404, "GET", "/other", "")
	r = s.do(t, 405, "DELETE", "/", "", s.bearer())
	if allow := r.Header.Get("Allow"); allow != "GET, HEAD, POST, PUT" {
		t.Errorf("Allow: %q", allow)
	}

	s.do(t, 413, "POST", "/", strings.Repeat("x", 16<<20+1), s.bearer())
	s.expectState(t, state)
	largest := strings.Repeat("y", 16<<20)
	if r := s.do(t, 200, "PUT", "/", largest, s.bearer()); r.text != "ok" || r.Header.Get("ETag") == etag {
		t.Errorf("PUT: %q, ETag %q", r.text, r.Header.Get("ETag"))
	}
	s.expectState(t, largest)
}

// curlAdmin sends a request to the administration socket as a user of the machine.
func curlAdmin(m *testbed.Machine, user string, args ...string) testbed.Result {
	curl := []string{"curl", "-sS", "--unix-socket", "/run/foobar-admin.sock"}
	return m.Run(testbed.Command{User: user, Args: append(append(curl, args...), "http://foobar/")})
}

func TestAdminSocket(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		if got := mode("/run/foobar-admin.sock", s.Machine, t); got != "660 root:foobar-admin" {
			t.Errorf("the administration socket is %s", got)
		}
		s.Shell(t, "useradd -G foobar-admin member; useradd stranger")
		for _, user := range []string{"root", "member"} {
			if r := curlAdmin(s.Machine, user, "-d", "from "+user); r.Stdout != "ok" {
				t.Errorf("%s gets %q: %s", user, r.Stdout, r.Stderr)
			}
			s.expectState(t, "from "+user)
			if r := curlAdmin(s.Machine, user); r.Stdout != "from "+user {
				t.Errorf("%s reads %q: %s", user, r.Stdout, r.Stderr)
			}
		}
		const couldNotConnect = 7 // EXIT CODES of curl(1)
		if r := curlAdmin(s.Machine, "stranger", "-d", "from a stranger"); r.Code != couldNotConnect {
			t.Errorf("a stranger's curl: exit status %d, %q", r.Code, r.Stdout)
		}
		s.expectState(t, "from member")
	})
}

func TestAccessRules(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Installed(t, release)
		m.Write(t, confFile, "access:\n  read: token\n  write: nobody\n")
		m.Exec(t, "systemctl", "enable", "--now", "foobar")
		s := connect(t, m)
		s.do(t, 401, "GET", "/", "")
		s.do(t, 404, "GET", "/", "", s.bearer())
		s.do(t, 403, "POST", "/", "x", s.bearer())
		if r := curlAdmin(m, "root", "-d", "x"); r.Stdout != "ok" {
			t.Errorf("the administration socket responds %q: %s", r.Stdout, r.Stderr)
		}
		s.Write(t, confFile, "access:\n  write: anyone\n")
		s.Exec(t, "systemctl", "reload", "foobar")
		s.do(t, 200, "POST", "/", "y")
		s.expectState(t, "y")
	})
}

func TestMetrics(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		s := running(t, release)
		s.store(t, "measured")
		s.expectState(t, "measured")
		get := func(path string) string { return s.Exec(t, "curl", "-sSf", metrics+path) }
		text := get("/metrics")
		for _, name := range []string{"process_start_time_seconds", "go_goroutines", "foobar_build_info", "process_open_fds"} {
			expectContains(t, "/metrics", text, "\n"+name)
		}
		check := s.Run(testbed.Command{Stdin: text, Args: []string{"promtool", "check", "metrics"}})
		if check.Code != 0 || check.Stdout+check.Stderr != "" {
			t.Errorf("promtool check metrics: exit status %d\n%s%s", check.Code, check.Stdout, check.Stderr)
		}
		get("/healthz")
		get("/readyz")
		expectContains(t, "the landing page", get("/"), "/metrics")
		// On the loopback interface only.
		if out := s.Exec(t, "ss", "-Hltn", "sport = :8081"); !strings.Contains(out, "127.0.0.1:8081") || strings.Count(out, "\n") != 1 {
			t.Errorf("the metrics listen on\n%s", out)
		}
	})
}
