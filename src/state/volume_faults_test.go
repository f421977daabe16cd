//go:build faults

package state

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// fileSystems are the file systems that the tests create in a file and mount.
var fileSystems = map[string]struct {
	size    int64 // of the file, in bytes
	options []string
}{
	"ext4":  {16 << 20, []string{"-q", "-F"}},
	"xfs":   {300 << 20, []string{"-q", "-f"}},
	"btrfs": {110 << 20, []string{"-q", "-f", "--mixed"}},
}

// A volume is a mounted file system in a file. It has a loop device of its own,
// because a free device that mount(8) finds may be taken by another process.
type volume struct {
	kind, image, device string
	mountPoint          string
	options             []string // for mount(8)
}

func newVolume(t *testing.T, kind string, options ...string) *volume {
	t.Helper()
	requireRoot(t)
	requireTools(t, "mkfs."+kind, "losetup")
	image := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, fileSystems[kind].size); err != nil {
		t.Fatal(err)
	}
	runCommand(t, "mkfs."+kind, append(fileSystems[kind].options, image)...)
	return mountImage(t, kind, image, options...)
}

// mountImage mounts the file system in image until the end of the test.
func mountImage(t *testing.T, kind, image string, options ...string) *volume {
	t.Helper()
	v := &volume{kind: kind, image: image, mountPoint: t.TempDir(), options: options}
	v.device = strings.TrimSpace(runCommand(t, "losetup", "--find", "--show", image))
	t.Cleanup(func() { exec.Command("losetup", "--detach", v.device).Run() })
	v.mount(t)
	t.Cleanup(func() { exec.Command("umount", v.mountPoint).Run() })
	return v
}

func (v *volume) mount(t *testing.T) {
	t.Helper()
	runCommand(t, "mount", "-t", v.kind, "-o", strings.Join(append([]string{"rw"}, v.options...), ","), v.device, v.mountPoint)
}

func (v *volume) unmount(t *testing.T) {
	t.Helper()
	runCommand(t, "umount", v.mountPoint)
}

// stateDirectory returns the path of the state directory on the volume.
func (v *volume) stateDirectory(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(v.mountPoint, "state")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// mountTmpfs returns the path of a state directory on a tmpfs.
func mountTmpfs(t *testing.T, size string) string {
	t.Helper()
	requireRoot(t)
	at := t.TempDir()
	runCommand(t, "mount", "-t", "tmpfs", "-o", "size="+size, "none", at)
	t.Cleanup(func() { exec.Command("umount", at).Run() })
	dir := filepath.Join(at, "state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// fillDisk uses up all space of the file system of dir. The returned function
// frees it.
func fillDisk(t *testing.T, dir string) (freeSpace func()) {
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

func requireTools(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			t.Fatalf("this test needs %s: %v", name, err)
		}
	}
}

func requireRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test mounts file systems and needs root")
	}
	requireTools(t, "unshare", "mount", "umount")
}

// runCommand runs a command and returns its output.
func runCommand(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}
