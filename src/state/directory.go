package state

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// A directory is the locked state directory, with the operations on its files
// that durability needs. They do not depend on what becomes of its path.
type directory struct {
	root   *os.Root
	handle *os.File // for flock(2) and fsync(2)
}

// openDirectory opens and locks the directory at path. It returns ErrOwner or
// ErrInUse if this process must not use it.
func openDirectory(path string) (*directory, error) {
	// With the slash, the error of a file is ENOTDIR; os.OpenRoot alone has another.
	root, err := os.OpenRoot(path + "/")
	if err != nil {
		return nil, err
	}
	d := &directory{root: root}
	if d.handle, err = root.Open("."); err == nil {
		err = d.lock()
	}
	if err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// lock locks a directory that this user owns. Root may write everywhere, but
// would leave files that the service's user cannot read.
func (d *directory) lock() error {
	info, err := d.handle.Stat()
	if err != nil {
		return err
	}
	owner, user := info.Sys().(*syscall.Stat_t).Uid, os.Geteuid()
	if int(owner) != user {
		return fmt.Errorf("%w: the owner of the directory is user %d, this process runs as user %d", ErrOwner, owner, user)
	}
	err = syscall.Flock(int(d.handle.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrInUse
	}
	return err
}

func (d *directory) close() {
	d.handle.Close()
	d.root.Close()
}

// open opens a regular file for reading. It refuses a symbolic link, because
// rename(2) would replace the link and not the file that it points to. It returns
// ErrOwner for a file that root has copied there.
func (d *directory) open(name string) (*os.File, error) {
	info, err := d.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, changedError("%s is not a regular file", name)
	}
	f, err := d.root.Open(name)
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("%w: user %d may not read %s: as root, run chown -R --reference=%[4]s %[4]s and start the service again",
			ErrOwner, os.Geteuid(), name, d.root.Name())
	}
	return f, err
}

// remove removes a file. A file that does not exist is no error.
func (d *directory) remove(name string) error {
	err := d.root.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// writeFile creates a file with the given content, in the place of one that a
// crash has left, and makes the content durable. The name is durable after
// syncNames.
func (d *directory) writeFile(name string, data []byte) (err error) {
	defer func() {
		if err != nil {
			d.remove(name)
			err = classify("write "+name, err)
		}
	}()
	if err := d.remove(name); err != nil {
		return err
	}
	f, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// renameDurably renames a file, in the place of an existing one, and makes the
// new name durable.
func (d *directory) renameDurably(from, to string) error {
	if err := d.root.Rename(from, to); err != nil {
		return classify("rename "+from+" to "+to, err)
	}
	return d.syncNames()
}

// syncNames makes the names of the files in the directory durable.
func (d *directory) syncNames() error {
	return classify("sync the state directory", d.handle.Sync())
}

// syncFile makes the content of a file durable, whichever process has written it.
func (d *directory) syncFile(name string) error {
	f, err := d.open(name)
	if err == nil {
		defer f.Close()
		err = f.Sync()
	}
	return classify("sync "+name, err)
}

// A fileContent is the content of a file, without the data in most places. The
// zero fileContent stands for a file that does not exist.
type fileContent struct {
	data   []byte
	digest digest
	id     fileIdentity
}

// readFile reads a file. Of one with more than limit bytes it returns the size
// and neither data nor checksum.
func (d *directory) readFile(name string, limit int64) (fileContent, error) {
	f, err := d.open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return fileContent{}, nil
	}
	if err != nil {
		return fileContent{}, err
	}
	defer f.Close()
	id, err := identityOf(f.Stat())
	if err != nil || id.size > limit {
		return fileContent{digest: digest{size: id.size}, id: id}, err
	}
	data := make([]byte, id.size)
	_, err = io.ReadFull(f, data)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		err = changedError("%s was truncated while it was read", name)
	}
	return fileContent{data: data, digest: digestOf(data), id: id}, err
}

// A fileIdentity distinguishes a file, as it was at one time, from other files and from
// itself after a change (stat(2)). The zero fileIdentity stands for no file.
type fileIdentity struct {
	device, inode    uint64
	size             int64 // in bytes
	modified, status syscall.Timespec
}

// identityOf takes the results of Stat.
func identityOf(info fs.FileInfo, err error) (fileIdentity, error) {
	if err != nil {
		return fileIdentity{}, err
	}
	st := info.Sys().(*syscall.Stat_t)
	return fileIdentity{device: uint64(st.Dev), inode: st.Ino, size: st.Size, modified: st.Mtim, status: st.Ctim}, nil
}

// identify returns the identity of the file with that name.
func (d *directory) identify(name string) (fileIdentity, error) {
	id, err := identityOf(d.root.Lstat(name))
	if errors.Is(err, fs.ErrNotExist) {
		return fileIdentity{}, nil
	}
	return id, classify("stat "+name, err)
}

// fdatasync calls fdatasync(2) until no signal interrupts it. EINTR says nothing
// about the data and is no failure.
func fdatasync(f *os.File) error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
