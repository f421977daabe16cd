//go:build faults

package state

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// TestEveryCrashState records with strace(1) which calls a script makes on the
// state directory. It builds all directories that a power cut after each call may
// leave on a disk that keeps no more than fsync(2) promises, and opens them. Data
// that no sync has covered are kept, lost, or kept in some sectors. Of the changes
// of names, either all up to one of them are kept, as in a journal, or one
// without those before it (compare "All File Systems Are Not Created Equal", OSDI
// 2014).
func TestEveryCrashState(t *testing.T) {
	requireTools(t, "strace")
	random := seededRand(t)
	states := crashStates(t, t.TempDir(), modeScript, newDiskModel(), random)
	// A second power cut, during the recovery from the first one.
	for _, first := range []func(*testing.T, string) string{leaveOutdatedFile, leaveUnrenamedFile, leaveTornRecord} {
		dir := t.TempDir()
		acknowledged := first(t, dir)
		states += crashStates(t, dir, modeRecover, syncedDiskModel(dir, acknowledged), random)
	}
	// The same after a kill between rename(2) and the sync of the directory.
	dir := t.TempDir()
	acknowledged := leaveOutdatedFile(t, dir)
	writeFile(t, dir, newFile, scriptData(acknowledged))
	m := syncedDiskModel(dir, acknowledged)
	m.apply(op{kind: "rename", name: newFile, to: FileName})
	if err := os.Rename(filepath.Join(dir, newFile), filepath.Join(dir, FileName)); err != nil {
		t.Fatal(err)
	}
	states += crashStates(t, dir, modeRecover, m, random)
	// An unsynced file of another program: it may be lost until it has been
	// served.
	dir = t.TempDir()
	writeFile(t, dir, FileName, scriptData("5"))
	m = newDiskModel()
	m.apply(op{kind: "create", name: FileName})
	m.apply(op{kind: "write", name: FileName, data: []byte(scriptData("5"))})
	m.nothingDurable = true
	states += crashStates(t, dir, modeRecover, m, random)
	t.Logf("%d states", states)
	if states < 500 {
		t.Errorf("only %d states", states)
	}
}

// leaveOutdatedFile leaves a version that is in the slots and not yet in FileName.
// Like the functions below it returns the name of the acknowledged version.
func leaveOutdatedFile(t *testing.T, dir string) (acknowledged string) {
	s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
	replace(t, s, nil, scriptData("1"))
	s.runCheckpoint()
	replace(t, s, nil, scriptData("2"))
	crash(t, s)
	return "2"
}

// leaveUnrenamedFile leaves a committed version in newFile.
func leaveUnrenamedFile(t *testing.T, dir string) (acknowledged string) {
	s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
	replace(t, s, nil, scriptData("3"))
	s.runCheckpoint()
	replace(t, s, nil, scriptData("4"))
	crash(t, s)
	if err := os.Rename(filepath.Join(dir, FileName), filepath.Join(dir, newFile)); err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir, FileName, scriptData("3"))
	return "4"
}

// leaveTornRecord leaves a part of a record over the older one.
func leaveTornRecord(t *testing.T, dir string) (acknowledged string) {
	leaveOutdatedFile(t, dir)
	f, err := os.OpenFile(filepath.Join(dir, slotsName), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(sampleRecord(9, "torn").encode()[:100], slotSize); err != nil {
		t.Fatal(err)
	}
	return "2"
}

// crashStates runs a child process in dir, whose content is that of m, and opens
// the directories that a power cut after each of its calls may leave. It returns
// the number of these directories.
func crashStates(t *testing.T, dir, mode string, m *diskModel, random *rand.Rand) (states int) {
	t.Helper()
	ops := recordCalls(t, dir, mode)
	for i, op := range ops {
		m.apply(op)
		if m.nothingDurable {
			continue
		}
		for _, names := range m.namesAfterCrash() {
			for variant := range 6 {
				dir, err := os.MkdirTemp("/dev/shm", "crash") // for speed; syncs of this copy do not matter
				if err != nil {
					t.Fatal(err)
				}
				m.materialize(t, dir, names, variant, random)
				states++
				before := t.Failed()
				wantDurable(t, dir, parseScript(m.lines))
				if t.Failed() && !before {
					os.RemoveAll(dir)
					t.Fatalf("power cut after call %d of %d (%s), names %v, variant %d", i+1, len(ops), op, names, variant)
				}
				os.RemoveAll(dir)
			}
		}
	}
	return states
}
