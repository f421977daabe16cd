//go:build faults

package state

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFailedWriteback fails the device when pages are written back, after write(2) has
// succeeded: the image of the file system is a sparse file on a full disk. The kernel then
// marks the pages clean although they are not on the device.
func TestFailedWriteback(t *testing.T) {
	requireRoot(t)
	requireTools(t, "mkfs.ext4", "losetup")
	imageDisk := filepath.Dir(mountTmpfs(t, "64m"))
	image := filepath.Join(imageDisk, "image")
	// The image has all its blocks, those of the journal too, until punchHole takes
	// some away.
	if err := os.WriteFile(image, make([]byte, 32<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	runCommand(t, "mkfs.ext4", "-q", "-F", "-b", "4096", "-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0", image)
	v := mountImage(t, "ext4", image, "errors=continue")
	dir := v.stateDirectory(t)
	s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
	replace(t, s, nil, "one")
	replace(t, s, nil, "two")
	// The slot that is written next loses its blocks in the image.
	punchHole(t, v.image, strings.Repeat("to be lost", 400), s)
	freeSpace := fillDisk(t, imageDisk)
	_, err := s.Replace(context.Background(), nil, []byte("three"+strings.Repeat(" ", 8000)))
	if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EIO) {
		t.Errorf("a write whose writeback fails: %v", err)
	}
	state := string(s.Current().Data)
	if strings.HasPrefix(state, "three") {
		t.Error("Current returns the version of the failed write")
	}
	freeSpace()
	replace(t, s, nil, "four")
	crash(t, s)
	v.unmount(t)
	v.mount(t) // with an empty page cache
	s = openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
	wantState(t, s, "four")
	crash(t, s)
}

// punchHole writes data, finds their place in the image, and frees the blocks of
// the image there.
func punchHole(t *testing.T, image, data string, s *Store) {
	t.Helper()
	replace(t, s, nil, data)
	replace(t, s, nil, "between")
	unix.Sync()
	f, err := os.OpenFile(image, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	raw, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(raw), data)
	if at < 0 {
		t.Fatal("the data are not in the image")
	}
	at -= at % 4096
	if err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, int64(at), 8192); err != nil {
		t.Fatal(err)
	}
}
