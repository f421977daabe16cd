//go:build faults

package state

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// mkfs are the file systems that the tests make in a file and mount.
var mkfs = map[string]struct {
	size    int64
	options []string
}{
	"ext4":  {16 << 20, []string{"-q", "-F"}},
	"xfs":   {300 << 20, []string{"-q", "-f"}},
	"btrfs": {110 << 20, []string{"-q", "-f", "--mixed"}},
}

// A volume is a file system in a file, behind a loop device of its own: one that
// mount(8) looks for may go to another process in between.
type volume struct {
	kind, image, device, at string
	options                 []string
}

func newVolume(t *testing.T, kind string, options ...string) *volume {
	t.Helper()
	needRoot(t)
	needTool(t, "mkfs."+kind, "losetup")
	image := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, mkfs[kind].size); err != nil {
		t.Fatal(err)
	}
	run(t, "mkfs."+kind, append(mkfs[kind].options, image)...)
	return volumeOf(t, kind, image, options...)
}

// volumeOf mounts the file system in image until the end of the test.
func volumeOf(t *testing.T, kind, image string, options ...string) *volume {
	t.Helper()
	v := &volume{kind: kind, image: image, at: t.TempDir(), options: options}
	v.device = strings.TrimSpace(run(t, "losetup", "--find", "--show", image))
	t.Cleanup(func() { exec.Command("losetup", "--detach", v.device).Run() })
	v.mount(t)
	t.Cleanup(func() { exec.Command("umount", v.at).Run() })
	return v
}

func (v *volume) mount(t *testing.T) {
	t.Helper()
	run(t, "mount", "-t", v.kind, "-o", strings.Join(append([]string{"rw"}, v.options...), ","), v.device, v.at)
}

func (v *volume) unmount(t *testing.T) {
	t.Helper()
	run(t, "umount", v.at)
}

// state is the state directory on the volume.
func (v *volume) state(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(v.at, "state")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// fill leaves no space in dir's file system and returns what gives it free.
func fill(t *testing.T, dir string) (free func()) {
	t.Helper()
	path := filepath.Join(dir, "filler")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := int64(256 << 20); size >= 4096; {
		end, _ := f.Seek(0, io.SeekEnd)
		if unix.Fallocate(int(f.Fd()), 0, end, size) != nil {
			size /= 2
		}
	}
	f.Seek(0, io.SeekEnd)
	full := false
	for _, size := range []int{4096, 512, 1} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		full = errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
	}
	if !full {
		t.Fatalf("cannot fill %s: %v", dir, err)
	}
	f.Sync()
	return func() {
		os.Truncate(path, 0)
		os.Remove(path)
		unix.Sync()
	}
}

func wantNoSpace(t *testing.T, s *Store, data string) {
	t.Helper()
	before := s.Current()
	_, err := s.Replace(context.Background(), Condition{}, []byte(data))
	if !errors.Is(err, ErrNoSpace) {
		t.Errorf("%d bytes on a full disk: %v", len(data), err)
	}
	if s.Current() != before {
		t.Error("a refused write has changed the state")
	}
}

// On a full disk a write that needs space is refused and changes nothing, one
// that fits a slot needs none, and a store that is opened serves what it had. All
// goes on when there is space again.
func TestFullDisk(t *testing.T) {
	for kind, inPlace := range map[string]bool{"tmpfs": true, "ext4": true, "xfs": true, "btrfs": false} {
		t.Run(kind, func(t *testing.T) {
			dir := ""
			if kind == "tmpfs" {
				dir = tmpfs(t, "2m")
			} else {
				dir = newVolume(t, kind).state(t)
			}
			s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
			replace(t, s, Condition{}, "before")
			free := fill(t, filepath.Dir(dir))
			wantNoSpace(t, s, largeState("x"))
			state := "before"
			_, err := s.Replace(context.Background(), Condition{}, []byte("small"))
			switch {
			case err == nil:
				state = "small"
			case inPlace || !errors.Is(err, ErrNoSpace):
				t.Errorf("small write: %v", err)
			}
			wantState(t, s, state)
			crash(t, s)

			s = openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
			wantState(t, s, state)
			if err := s.Check(); err != nil {
				wantNoSpace(t, s, "refused")
			}
			free()
			replace(t, s, Condition{}, largeState("y"))
			replace(t, s, Condition{}, "after")
			closeStore(t, s)
			wantFile(t, dir, "after")
		})
	}
}

func tmpfs(t *testing.T, size string) string {
	t.Helper()
	needRoot(t)
	at := t.TempDir()
	run(t, "mount", "-t", "tmpfs", "-o", "size="+size, "none", at)
	t.Cleanup(func() { exec.Command("umount", at).Run() })
	dir := filepath.Join(at, "state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestQuota(t *testing.T) {
	v := newVolume(t, "btrfs")
	dir := filepath.Join(v.at, "state")
	run(t, "btrfs", "quota", "enable", v.at)
	run(t, "btrfs", "subvolume", "create", dir)
	run(t, "btrfs", "qgroup", "limit", "4M", dir)
	s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
	replace(t, s, Condition{}, "before")
	free := fill(t, dir)
	_, err := s.Replace(context.Background(), Condition{}, []byte(largeState("x")))
	if !errors.Is(err, ErrNoSpace) || !errors.Is(err, syscall.EDQUOT) {
		t.Errorf("error is %v", err)
	}
	wantState(t, s, "before")
	free()
	replace(t, s, Condition{}, largeState("y"))
	closeStore(t, s)
	wantFile(t, dir, largeState("y"))
}

// ext4 makes itself read-only when it finds an error.
func TestReadOnlyRemount(t *testing.T) {
	t.Run("copied", func(t *testing.T) { readOnlyRemount(t, true) })
	t.Run("not copied", func(t *testing.T) { readOnlyRemount(t, false) })
}

func readOnlyRemount(t *testing.T, copied bool) {
	v := newVolume(t, "ext4", "errors=remount-ro")
	dir := v.state(t)
	s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
	replace(t, s, Condition{}, "before")
	if copied {
		s.runCheckpoint()
	}
	if err := os.WriteFile(filepath.Join("/sys/fs/ext4", filepath.Base(v.device), "trigger_fs_error"), []byte("a test"), 0o200); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(v.at, "x"), 0o700); !errors.Is(err, syscall.EROFS) {
		t.Fatalf("the file system is not read-only: %v", err)
	}
	for _, data := range []string{"small", largeState("x"), "again"} {
		if _, err := s.Replace(context.Background(), Condition{}, []byte(data)); !errors.Is(err, ErrReadOnly) {
			t.Errorf("%d bytes: %v", len(data), err)
		}
	}
	wantState(t, s, "before")
	if err := s.Check(); !errors.Is(err, ErrReadOnly) {
		t.Errorf("Check says %v", err)
	}
	crash(t, s)
	if !copied {
		// The slots may be in the page cache only, and fsync(2) fails here.
		if _, err := Open(Options{Dir: dir}); !errors.Is(err, ErrReadOnly) {
			t.Errorf("reopened without a proof: %v", err)
		}
		return
	}
	s = openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
	wantState(t, s, "before")
	if _, err := s.Replace(context.Background(), Condition{}, []byte("x")); !errors.Is(err, ErrReadOnly) {
		t.Errorf("reopened: %v", err)
	}
	crash(t, s)
}

func TestReadOnlyMount(t *testing.T) {
	v := newVolume(t, "ext4")
	dir := v.state(t)
	s := openStore(t, Options{Dir: dir})
	replace(t, s, Condition{}, "before")
	closeStore(t, s)
	v.unmount(t)
	v.options = []string{"ro"}
	v.mount(t)
	s = openStore(t, Options{Dir: dir})
	wantState(t, s, "before")
	if _, err := s.Replace(context.Background(), Condition{}, []byte("x")); !errors.Is(err, ErrReadOnly) {
		t.Errorf("error is %v", err)
	}
	wantState(t, s, "before")
	crash(t, s)
}

// A device that fails only when pages are written back, after write(2) has
// succeeded: its backing store is thin and has run out of space. The kernel
// then marks the pages clean although the disk does not have them.
func TestFailedWriteback(t *testing.T) {
	needRoot(t)
	needTool(t, "mkfs.ext4", "losetup")
	thin := filepath.Dir(tmpfs(t, "64m"))
	image := filepath.Join(thin, "image")
	// All of it is there but what is punched out later, the journal too.
	if err := os.WriteFile(image, make([]byte, 32<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "mkfs.ext4", "-q", "-F", "-b", "4096", "-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0", image)
	v := volumeOf(t, "ext4", image, "errors=continue")
	dir := v.state(t)
	s := openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
	replace(t, s, Condition{}, "one")
	replace(t, s, Condition{}, "two")
	// The other slot, which is written next, loses its blocks on the device.
	punch(t, v.image, strings.Repeat("to be lost", 400), s)
	unfill := fill(t, thin)
	_, err := s.Replace(context.Background(), Condition{}, []byte("three"+strings.Repeat(" ", 8000)))
	if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EIO) {
		t.Errorf("a write whose writeback fails: %v", err)
	}
	state := string(s.Current().Data)
	if strings.HasPrefix(state, "three") {
		t.Error("the failed write is shown")
	}
	unfill()
	replace(t, s, Condition{}, "four")
	crash(t, s)
	v.unmount(t)
	v.mount(t) // nothing is in the page cache now
	s = openStore(t, Options{Dir: dir, CheckpointDelay: noCheckpoint})
	wantState(t, s, "four")
	crash(t, s)
}

// punch writes data, finds on the device where they went, and takes the device's
// space there away.
func punch(t *testing.T, image, data string, s *Store) {
	t.Helper()
	replace(t, s, Condition{}, data)
	replace(t, s, Condition{}, "between")
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
		t.Fatal("the data are not on the device")
	}
	at -= at % 4096
	if err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, int64(at), 8192); err != nil {
		t.Fatal(err)
	}
}

// FS_IOC_SHUTDOWN with the flag that leaves even the journal unwritten, as
// xfstests use it (ioctl_xfs_goingdown(2)): what was not synced is lost.
const (
	fsIocShutdown = 0x8004587d
	noLogFlush    = 2
)

func (v *volume) cutPower(t *testing.T) {
	t.Helper()
	f, err := os.Open(v.at)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var here, device unix.Stat_t
	if err := errors.Join(unix.Fstat(int(f.Fd()), &here), unix.Stat(v.device, &device)); err != nil || here.Dev != device.Rdev {
		t.Fatalf("not the file system of %s: %v", v.device, err)
	}
	if err := unix.IoctlSetPointerInt(int(f.Fd()), fsIocShutdown, noLogFlush); err != nil {
		t.Fatal(err)
	}
}

// TestPowerCut takes the file system away under eight clients at a random moment,
// with all that is not on the device, mounts it again, and so on; the history
// has to be linearizable, as in TestKill.
func TestPowerCut(t *testing.T) {
	random := seededRand(t)
	for _, kind := range []string{"ext4", "xfs"} {
		seed := random.Uint64()
		t.Run(kind, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			v := newVolume(t, kind)
			var sum tally
			life := history{initial: "-"}
			for round := range 30 {
				lines := cutRound(t, v, "clients", random)
				if !life.add(t, clean(lines), &sum) {
					t.Fatalf("round %d", round)
				}
			}
			s := openStore(t, Options{Dir: v.state(t)})
			life.add(t, []string{"R " + nameOf(s.Current())}, &sum)
			closeStore(t, s)
			t.Logf("%+v", sum)
			if sum.Answered < 30 || sum.Unanswered == 0 {
				t.Errorf("the test has not seen what it is for: %+v", sum)
			}
		})
	}
}

func cutRound(t *testing.T, v *volume, mode string, random *rand.Rand) []string {
	t.Helper()
	c := start(t, mode, v.state(t), random.Uint64N(1<<40))
	lines := c.some(1 + random.IntN(80))
	time.Sleep(time.Duration(random.IntN(3000)) * time.Microsecond)
	v.cutPower(t)
	c.kill()
	lines = append(lines, c.rest()...)
	v.unmount(t)
	v.mount(t)
	return lines
}

// clean drops what clients say of errors: between the power cut and their death
// they see the disk fail.
func clean(lines []string) []string {
	var kept []string
	for _, line := range lines {
		if !strings.HasPrefix(line, "F ") {
			kept = append(kept, line)
		}
	}
	return kept
}

// The control: a program that writes with os.WriteFile has to lose something in
// the same power cuts, or they are none.
func TestPowerCutLosesUnsyncedWrites(t *testing.T) {
	random := seededRand(t)
	v := newVolume(t, "ext4")
	lost := 0
	for range 8 {
		lines := cutRound(t, v, "plain", random)
		lines = clean(lines)
		answered := strings.TrimPrefix(lines[len(lines)-1], "A ")
		raw, _ := os.ReadFile(filepath.Join(v.state(t), FileName))
		if string(raw) != string(payload(answered)) {
			lost++
		}
	}
	t.Logf("%d of 8 lost", lost)
	if lost < 6 {
		t.Errorf("only %d of 8 power cuts lost a write that was not synced", lost)
	}
}
