//go:build testbed

package booted

import "testing"

// TestWithoutFastPath serves HTTP/1.1 by net/http alone: from the start, over a reload and
// a restart under load, and after them.
func TestWithoutFastPath(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Installed(t, release)
		off := setting("http", "fast_path", "false")
		m.Write(t, confFile, off)
		m.Exec(t, "systemctl", "enable", "--now", "foobar")
		s := connect(t, m)
		withoutState(t, s)
		s.expectFastPath(t, false)
		readsAndWrites(t, s, 1)

		s.store(t, "small")
		reloadUnderLoad(t, s, off)
		restartUnderLoad(t, s)
		s.expectFastPath(t, false)
		readsAndWrites(t, s, 1)

		m.Write(t, confFile, setting("http", "fast_path", "true"))
		m.Exec(t, "systemctl", "reload", "foobar")
		s.expectFastPath(t, true)
	})
}

// expectFastPath sends a target with a fragment, which the fast path refuses and net/http
// passes on as a path.
func (s *service) expectFastPath(t *testing.T, on bool) {
	t.Helper()
	want := "404"
	if on {
		want = "400"
	}
	got := s.Exec(t, "curl", "-sk", "--http1.1", "-o", "/dev/null", "-w", "%{http_code}", "--request-target", "/#fragment", baseURL)
	if got != want {
		t.Errorf("a target with a fragment has status %s, want %s with http.fast_path: %t", got, want, on)
	}
}
