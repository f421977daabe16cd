package app

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	atom = `<feed xmlns="http://www.w3.org/2005/Atom"><title>Letters</title>
<entry><title>Second</title><link href="https://a.example/2"/><updated>2026-02-03T04:05:06+01:00</updated></entry>
<entry><title>First</title><link href="https://a.example/1"/><updated>2026-01-01T00:00:00Z</updated></entry></feed>`
	rss = `<rss version="2.0"><channel><title>News</title><link>https://r.example/</link>
<item><title>Between</title><link>https://r.example/1</link><pubDate>Fri, 02 Jan 2026 00:00:00 +0000</pubDate></item></channel></rss>`
)

// newAggregator returns an aggregator for the paths of a server.
func newAggregator(t *testing.T, s *httptest.Server, paths ...string) *aggregator {
	t.Helper()
	a := &aggregator{log: slog.New(slog.DiscardHandler), client: s.Client(), list: filepath.Join(t.TempDir(), "feeds"), cache: t.TempDir()}
	list := ""
	for _, path := range paths {
		list += s.URL + path + "\n"
	}
	if err := os.WriteFile(a.list, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

// expectTitles compares the titles of the response, newest first.
func expectTitles(t *testing.T, a *aggregator, want ...string) {
	t.Helper()
	w := httptest.NewRecorder()
	a.serve(w, httptest.NewRequest("GET", "/", nil))
	rest := w.Body.String()
	if n := strings.Count(rest, `"title"`); n != len(want) {
		t.Errorf("%d entries, want %d: %s", n, len(want), rest)
	}
	for _, title := range want {
		_, after, found := strings.Cut(rest, `"title":"`+title+`"`)
		if !found {
			t.Fatalf("no %q, or not in order, in %s", title, w.Body)
		}
		rest = after
	}
}

// TestFeeds fetches two feeds. While the server fails, and after a restart, the cache
// has them.
func TestFeeds(t *testing.T) {
	broken := false
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case broken && r.URL.Path == "/atom":
			w.WriteHeader(http.StatusBadGateway)
			fmt.Fprint(w, "<feed/>")
		case broken:
			fmt.Fprint(w, rss[:100])
		case r.URL.Path == "/atom":
			fmt.Fprint(w, atom)
		default:
			fmt.Fprint(w, rss)
		}
	}))
	defer s.Close()
	a := newAggregator(t, s, "/atom", "/rss")
	a.refresh()
	expectTitles(t, a, "Second", "Between", "First")
	broken = true
	a.refresh()
	expectTitles(t, a, "Second", "Between", "First")

	next := newAggregator(t, s, "/rss")
	next.cache = a.cache
	urls, err := next.urls()
	if err != nil {
		t.Fatal(err)
	}
	next.show(urls)
	expectTitles(t, next, "Between")
}

// TestLargeFeed keeps nothing of a feed that is too large.
func TestLargeFeed(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, atom, strings.Repeat(" ", maxFeed))
	}))
	defer s.Close()
	a := newAggregator(t, s, "/")
	a.refresh()
	expectTitles(t, a)
	if files, err := os.ReadDir(a.cache); err != nil || len(files) > 0 {
		t.Errorf("the cache has %v (%v)", files, err)
	}
}

// TestNew has no entries without a list, and one path.
func TestNew(t *testing.T) {
	h, err := New(slog.New(slog.DiscardHandler), filepath.Join(t.TempDir(), "no-such-service"))
	if err != nil {
		t.Fatal(err)
	}
	for _, request := range []struct {
		method, path string
		status       int
		want         string
	}{
		{"GET", "/", 200, "[]"},
		{"GET", "/other", 404, "404 page not found\n"},
		{"POST", "/", 405, "Method Not Allowed\n"},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(request.method, request.path, nil))
		if w.Code != request.status || w.Body.String() != request.want {
			t.Errorf("%s %s: %d %q", request.method, request.path, w.Code, w.Body)
		}
	}
}

// TestList refuses URLs without TLS, and a list that cannot be read.
func TestList(t *testing.T) {
	a := &aggregator{list: filepath.Join(t.TempDir(), "feeds")}
	if err := os.WriteFile(a.list, []byte("https://a.example/\nhttp://b.example/\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := a.urls(); err == nil || !strings.Contains(err.Error(), `"http://b.example/" does not begin with https://`) {
		t.Errorf("a URL without TLS: %v", err)
	}
	a.list = t.TempDir()
	if _, err := a.urls(); err == nil || !strings.Contains(err.Error(), a.list) {
		t.Errorf("a directory in the place of the list: %v", err)
	}
}
