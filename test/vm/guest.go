//go:build vm

package vm

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// A guest is a machine that is up, with foobar on it.
type guest struct {
	*Machine
	ownProgram *program
}

// startGuest starts a machine and waits until it is up.
func startGuest(t *testing.T, m *Machine) *guest {
	t.Helper()
	m.PowerOn(t)
	m.WaitUp(t)
	g := &guest{Machine: m}
	g.ownProgram, _ = findPrograms(t, m)
	return g
}

// show returns a property of a unit.
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

// wantStored stores a state from the host and reads it back.
func (g *guest) wantStored(t *testing.T, state string) {
	t.Helper()
	if err := g.ownProgram.post(context.Background(), []byte(state)); err != nil {
		t.Fatal(err)
	}
	g.wantState(t, state)
}

// wantState waits until the service serves a state again.
func (g *guest) wantState(t *testing.T, state string) {
	t.Helper()
	if found := g.ownProgram.waitFor(t, g.Machine); found.status != http.StatusOK || string(found.body) != state {
		t.Errorf("GET got status %d and %.100q, want %q", found.status, found.body, state)
	}
}
