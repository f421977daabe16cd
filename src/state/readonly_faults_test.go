//go:build faults

package state

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestReadOnlyRemount makes ext4 find an error, so that it remounts itself read-only.
func TestReadOnlyRemount(t *testing.T) {
	t.Run("after a checkpoint", func(t *testing.T) { testReadOnlyRemount(t, true) })
	t.Run("without a checkpoint", func(t *testing.T) { testReadOnlyRemount(t, false) })
}

func testReadOnlyRemount(t *testing.T, checkpoint bool) {
	v := newVolume(t, "ext4", "errors=remount-ro")
	dir := v.stateDirectory(t)
	s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
	replace(t, s, nil, "before")
	if checkpoint {
		s.runCheckpoint()
	}
	if err := os.WriteFile(filepath.Join("/sys/fs/ext4", filepath.Base(v.device), "trigger_fs_error"), []byte("a test"), 0o200); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(v.mountPoint, "x"), 0o700); !errors.Is(err, syscall.EROFS) {
		t.Fatalf("the file system is not read-only: %v", err)
	}
	for _, data := range []string{"small", largeState("x"), "again"} {
		if _, err := s.Replace(context.Background(), nil, []byte(data)); !errors.Is(err, ErrReadOnly) {
			t.Errorf("%d bytes: %v", len(data), err)
		}
	}
	wantState(t, s, "before")
	if err := s.Check(t.Context()); !errors.Is(err, ErrReadOnly) {
		t.Errorf("Check says %v", err)
	}
	crash(t, s)
	if !checkpoint {
		// The newest record may be in the page cache only, and fsync(2) fails.
		if _, err := open(Options{Dir: dir}); !errors.Is(err, ErrReadOnly) {
			t.Errorf("Open without proof that the state is durable: %v", err)
		}
		return
	}
	s = openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
	wantState(t, s, "before")
	if _, err := s.Replace(context.Background(), nil, []byte("x")); !errors.Is(err, ErrReadOnly) {
		t.Errorf("write after reopening: %v", err)
	}
	crash(t, s)
}

func TestReadOnlyMount(t *testing.T) {
	v := newVolume(t, "ext4")
	dir := v.stateDirectory(t)
	s := openStore(t, Options{Dir: dir})
	replace(t, s, nil, "before")
	closeStore(t, s)
	v.unmount(t)
	v.options = []string{"ro"}
	v.mount(t)
	s = openStore(t, Options{Dir: dir})
	wantState(t, s, "before")
	if _, err := s.Replace(context.Background(), nil, []byte("x")); !errors.Is(err, ErrReadOnly) {
		t.Errorf("error is %v", err)
	}
	wantState(t, s, "before")
	crash(t, s)
}
