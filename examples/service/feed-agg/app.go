// Package app fetches feeds over HTTPS, keeps them in the cache directory, and serves
// their newest entries as JSON.
package app

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

const (
	maxEntries = 100              // in the response
	maxFeed    = 4 << 20          // bytes of one feed
	interval   = 15 * time.Minute // between two requests for a feed
)

// An aggregator has the URLs of its feeds in a file, and the feeds in a directory.
type aggregator struct {
	log         *slog.Logger
	client      *http.Client
	list, cache string
	page        atomic.Pointer[[]byte] // the response
}

// New returns a handler for the feeds that /etc/NAME/feeds lists, where NAME is the
// name of dir. It reads the list again before each round of requests, the last of which
// ends with the process.
func New(log *slog.Logger, dir string) (http.Handler, error) {
	a := &aggregator{log: log, client: &http.Client{Timeout: 30 * time.Second}}
	a.list = filepath.Join("/etc", filepath.Base(dir), "feeds")
	a.cache = cmp.Or(os.Getenv("CACHE_DIRECTORY"), dir)
	urls, err := a.urls()
	if err != nil {
		return nil, err
	}
	if len(urls) == 0 {
		log.Warn("there are no feeds: write their URLs into the list", "file", a.list)
	}
	a.show(urls)
	go func() {
		// The network may not be up at the start.
		for wait := 5 * time.Second; ; wait = min(2*wait, interval) {
			a.refresh()
			time.Sleep(wait)
		}
	}()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.serve)
	return mux, nil
}

// serve responds with the newest entries.
func (a *aggregator) serve(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(*a.page.Load())
}

// urls reads the list: one URL a line. Without the file there are none.
func (a *aggregator) urls() ([]string, error) {
	text, err := os.ReadFile(a.list)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	urls := strings.Fields(string(text))
	for _, url := range urls {
		if !strings.HasPrefix(url, "https://") {
			return nil, fmt.Errorf("%s: %q does not begin with https://", a.list, url)
		}
	}
	return urls, nil
}

// refresh fetches all feeds. One that cannot be fetched stays as it is in the cache.
func (a *aggregator) refresh() {
	urls, err := a.urls()
	if err != nil {
		a.log.Error("the list of feeds cannot be used", "error", err)
		return
	}
	for _, url := range urls {
		if err := a.fetch(url); err != nil {
			a.log.Error("the feed is not fetched", "url", url, "error", err)
		}
	}
	a.show(urls)
}

// fetch replaces a feed in the cache.
func (a *aggregator) fetch(url string) error {
	resp, err := a.client.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", resp.Status)
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, resp.Body, maxFeed))
	if err != nil {
		return err
	}
	if _, err := parse(body); err != nil {
		return err
	}
	next := a.file(url) + ".new"
	if err := os.WriteFile(next, body, 0o600); err != nil {
		return err
	}
	return os.Rename(next, a.file(url))
}

// file returns where the cache has a feed.
func (a *aggregator) file(url string) string {
	sum := sha256.Sum256([]byte(url))
	return filepath.Join(a.cache, hex.EncodeToString(sum[:]))
}

// show makes the response of the feeds that the cache has.
func (a *aggregator) show(urls []string) {
	entries := []entry{}
	for _, url := range urls {
		text, err := os.ReadFile(a.file(url))
		if err != nil {
			continue // not fetched yet
		}
		found, err := parse(text)
		if err != nil {
			a.log.Error("the cache has a damaged feed", "url", url, "error", err)
		}
		entries = append(entries, found...)
	}
	slices.SortStableFunc(entries, func(x, y entry) int { return y.Time.Compare(x.Time) })
	page, err := json.Marshal(entries[:min(len(entries), maxEntries)])
	if err != nil {
		a.log.Error("the response stays as it was", "error", err)
		return
	}
	a.page.Store(&page)
}
