// Package app greets each client and counts the greetings, which a restart keeps.
package app

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

// A greeter counts its greetings in a file.
type greeter struct {
	log  *slog.Logger
	file string
	mu   sync.Mutex
	n    int
}

// New returns a handler that keeps its number in dir.
func New(log *slog.Logger, dir string) (http.Handler, error) {
	g := &greeter{log: log, file: filepath.Join(dir, "greetings")}
	text, err := os.ReadFile(g.file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err == nil {
		if g.n, err = strconv.Atoi(string(text)); err != nil {
			return nil, fmt.Errorf("%s: %w", g.file, err)
		}
	}
	return g, nil
}

// ServeHTTP implements http.Handler.
func (g *greeter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n++
	if err := os.WriteFile(g.file, []byte(strconv.Itoa(g.n)), 0o600); err != nil {
		g.log.Error("the greeting is not counted", "error", err)
		http.Error(w, "not counted", http.StatusInternalServerError)
		return
	}
	g.log.Info("greeted", "path", r.URL.Path, "number", g.n)
	fmt.Fprintf(w, "hello, number %d\n", g.n)
}
