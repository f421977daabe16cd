package readers

import (
	"bytes"
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"foobar/src/state"
)

// openStore returns a store whose commits are followed by Enforce.
func openStore(t testing.TB, limit int64) (*state.Store, *Set) {
	t.Helper()
	var set *Set
	s, err := state.Open(state.Options{Dir: t.TempDir(), OnCommit: func(_, _ time.Duration, _ int) { set.Enforce() }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	set = NewSet(s.Current, limit)
	return s, set
}

func replace(t testing.TB, s *state.Store, size int) *state.Version {
	t.Helper()
	v, err := s.Replace(context.Background(), state.Condition{}, bytes.Repeat([]byte{byte(size)}, size))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// beginWithCounter adds a reader that reads the current version and counts how
// often it is cut off.
func beginWithCounter(set *Set) (r *Reader, cutOffs *int) {
	cutOffs = new(int)
	r = set.Add(func() { *cutOffs++ })
	r.Begin()
	return r, cutOffs
}

func wantReplaced(t *testing.T, set *Set, versions int, bytes int64) {
	t.Helper()
	if gotVersions, gotBytes := set.Replaced(); gotVersions != versions || gotBytes != bytes {
		t.Errorf("%d replaced versions with %d bytes are being read, want %d with %d", gotVersions, gotBytes, versions, bytes)
	}
}

func TestEnforceCutsOffReadersOfTheOldestVersions(t *testing.T) {
	s, set := openStore(t, 50)
	replace(t, s, 10)
	first, firstCutOffs := beginWithCounter(set)
	again, againCutOffs := beginWithCounter(set)
	replace(t, s, 20)
	second, secondCutOffs := beginWithCounter(set)
	replace(t, s, 30)
	third, thirdCutOffs := beginWithCounter(set)
	wantReplaced(t, set, 2, 30)
	replace(t, s, 40) // 60 bytes are replaced now: 10 have to go
	wantReplaced(t, set, 2, 50)
	if *firstCutOffs != 1 || *againCutOffs != 1 || *secondCutOffs != 0 || *thirdCutOffs != 0 {
		t.Errorf("cut off %d, %d, %d, %d times, want 1, 1, 0, 0", *firstCutOffs, *againCutOffs, *secondCutOffs, *thirdCutOffs)
	}
	for _, r := range []*Reader{first, again} {
		if r.End() {
			t.Error("End does not report that the reader was cut off")
		}
	}
	for _, r := range []*Reader{second, third} {
		if !r.End() {
			t.Error("End reports that a reader was cut off which was not")
		}
	}
	wantReplaced(t, set, 0, 0)
}

func TestReaderOfTheCurrentVersionIsNeverCutOff(t *testing.T) {
	s, set := openStore(t, 0)
	replace(t, s, 1000)
	r, cutOffs := beginWithCounter(set)
	set.Enforce()
	if *cutOffs != 0 || !r.End() {
		t.Error("the reader was cut off")
	}
}

func TestReaderThatGoesOnIsNotCutOff(t *testing.T) {
	s, set := openStore(t, 10)
	for range 20 {
		replace(t, s, 10)
		r, cutOffs := beginWithCounter(set)
		replace(t, s, 9)
		if *cutOffs != 0 || !r.End() {
			t.Fatal("the only reader of a replaced version was cut off within the limit")
		}
		set.Remove(r)
	}
}

func TestBeginWithoutAVersion(t *testing.T) {
	_, set := openStore(t, 0)
	r := set.Add(func() { t.Error("cut off") })
	if !r.End() {
		t.Error("End without Begin reports a cut-off")
	}
	if v := r.Begin(); v != nil || !r.End() {
		t.Errorf("Begin returns %v before the first write, or End reports a cut-off", v)
	}
}

// A version that is replaced between being loaded and being marked must not be
// returned: Enforce has not seen its reader.
func TestBeginReturnsAVersionThatIsCurrentWhenMarked(t *testing.T) {
	s, _ := openStore(t, 0)
	old := replace(t, s, 1)
	current := replace(t, s, 2)
	loads := 0
	set := NewSet(func() *state.Version {
		loads++
		if loads == 1 {
			return old
		}
		return current
	}, 0)
	r := set.Add(func() {})
	if v := r.Begin(); v != current {
		t.Errorf("Begin returns a version of %d bytes, want the current one", len(v.Data))
	}
	wantReplaced(t, set, 0, 0)
}

func TestRemove(t *testing.T) {
	s, set := openStore(t, 1000)
	replace(t, s, 1)
	var all []*Reader
	for range 5 {
		r, _ := beginWithCounter(set)
		all = append(all, r)
	}
	replace(t, s, 2)
	for i, left := range []int{3, 0, 4, 1, 2} {
		wantReplaced(t, set, 1, 1)
		set.Remove(all[left])
		if len(set.readers) != 4-i {
			t.Fatalf("%d readers are left", len(set.readers))
		}
	}
	wantReplaced(t, set, 0, 0)
}

// A client that leaves one response of every version unread does not keep more
// versions in memory than the limit allows.
func TestMemoryIsBounded(t *testing.T) {
	const size, limit = 1 << 20, 4 << 20
	s, set := openStore(t, limit)
	var heldByReaders []*state.Version
	for range 64 {
		replace(t, s, size)
		held := len(heldByReaders)
		r := set.Add(func() { heldByReaders[held] = nil }) // the goroutine returns
		heldByReaders = append(heldByReaders, r.Begin())
		if _, bytes := set.Replaced(); bytes > limit {
			t.Fatalf("replaced versions with %d bytes are being read, the limit is %d", bytes, limit)
		}
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > limit+8<<20 {
		t.Errorf("%d bytes are in use after 64 writes of %d", m.HeapAlloc, size)
	}
	runtime.KeepAlive(heldByReaders)
}

func TestConcurrentUse(t *testing.T) {
	s, set := openStore(t, 100)
	replace(t, s, 50)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			r := set.Add(func() {})
			defer set.Remove(r)
			for range 500 {
				if v := r.Begin(); len(v.Data) != 50 || v.Data[49] != 50 {
					t.Error("Begin returns another version than was written")
				}
				r.End()
			}
		})
	}
	for range 50 {
		replace(t, s, 50)
		set.Replaced()
	}
	wg.Wait()
	wantReplaced(t, set, 0, 0)
}
