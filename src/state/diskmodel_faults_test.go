//go:build faults

package state

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// An op is a call that changes or syncs the directory, or a line that the child
// process writes.
type op struct {
	kind string // create, write, sync, syncdir, rename, remove, line
	name string // of the file at the time of the call
	to   string // new name of rename
	at   int    // offset of write in bytes; -1 is the end of the file
	data []byte
}

func (o op) String() string {
	return fmt.Sprintf("%s %s %s at %d, %d bytes", o.kind, o.name, o.to, o.at, len(o.data))
}

// An inode is a file: the content that a sync has covered, and the writes after
// that sync.
type inode struct {
	durable  []byte
	unsynced []op
	length   int // in bytes, with the unsynced writes
}

// A diskModel is the state directory as processes see it, with everything that
// the disk may hold instead after a power cut.
type diskModel struct {
	names          map[string]*inode
	durableNames   map[string]*inode
	possibleNames  []map[string]*inode // after the changes since the last syncdir
	lines          []string            // that the child process has written
	nothingDurable bool                // no version has been acknowledged or served
}

func newDiskModel() *diskModel {
	return &diskModel{names: map[string]*inode{}, durableNames: map[string]*inode{}}
}

// syncedDiskModel returns a model of dir with everything on the disk.
func syncedDiskModel(dir, acknowledged string) *diskModel {
	m := newDiskModel()
	for _, name := range []string{FileName, newFile, slotsName} {
		if data, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
			m.names[name] = &inode{durable: data, length: len(data)}
		}
	}
	m.apply(op{kind: "syncdir"})
	m.lines = []string{"A " + acknowledged}
	return m
}

func (m *diskModel) apply(o op) {
	switch o.kind {
	case "line":
		m.lines = append(m.lines, string(o.data))
		m.nothingDurable = false
	case "create", "rename", "remove":
		n := m.names[o.name]
		if o.kind == "create" {
			n = &inode{}
		}
		alone := maps.Clone(m.durableNames)
		o.change(alone, n)
		o.change(m.names, n)
		m.possibleNames = append(m.possibleNames, maps.Clone(m.names), alone)
	case "write":
		n := m.names[o.name]
		if o.at < 0 {
			o.at = n.length
		}
		n.length = max(n.length, o.at+len(o.data))
		n.unsynced = append(n.unsynced, o)
	case "sync":
		n := m.names[o.name]
		n.durable, n.unsynced = n.contentAfterCrash(nil, 1), nil
	case "syncdir":
		m.durableNames, m.possibleNames = maps.Clone(m.names), nil
	}
}

// change applies a change of the name of n to names.
func (o op) change(names map[string]*inode, n *inode) {
	switch o.kind {
	case "create":
		names[o.name] = n
	case "rename":
		names[o.to] = n
		delete(names, o.name)
	case "remove":
		delete(names, o.name)
	}
}

// namesAfterCrash returns everything that the names may stand for after a power
// cut.
func (m *diskModel) namesAfterCrash() []map[string]*inode {
	return append([]map[string]*inode{m.durableNames}, m.possibleNames...)
}

// contentAfterCrash returns the content of the file if each sector that was
// written since the last sync is kept with the given probability.
func (n *inode) contentAfterCrash(random *rand.Rand, kept float64) []byte {
	const sector = 512
	data := append([]byte(nil), n.durable...)
	for _, o := range n.unsynced {
		for from := 0; from < len(o.data); {
			to := min(len(o.data), from+sector-(o.at+from)%sector)
			if kept == 1 || kept > 0 && random.Float64() < kept {
				if missing := o.at + to - len(data); missing > 0 {
					data = append(data, make([]byte, missing)...)
				}
				copy(data[o.at+from:], o.data[from:to])
			}
			from = to
		}
	}
	return data
}

// materialize writes the directory that a power cut may leave with the given
// names. The variant decides how many of the unsynced sectors are kept.
func (m *diskModel) materialize(t *testing.T, dir string, names map[string]*inode, variant int, random *rand.Rand) {
	kept := []float64{0, 1, 0.5, 0.9, 0.99, 0.1}[variant]
	for name, n := range names {
		data := n.contentAfterCrash(random, kept)
		if variant == 2 && len(n.unsynced) > 0 {
			// The length is kept, the data at the end are lost.
			data = append(data, make([]byte, max(0, n.length-len(data)))...)
		}
		writeFile(t, dir, name, string(data))
	}
}
