package state

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// A directory is the state directory, locked, with the few operations on its
// files that durability needs. All of them go by the open directory, so that
// they are about the same one even if its path is given to another.
type directory struct {
	root *os.Root
	self *os.File // for flock(2) and fsync(2)
}

func openDirectory(path string) (*directory, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	self, err := root.Open(".")
	if err != nil {
		root.Close()
		return nil, err
	}
	d := &directory{root: root, self: self}
	if err := d.claim(); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// claim makes sure that the directory is ours and nobody else's at this time.
func (d *directory) claim() error {
	info, err := d.self.Stat()
	if err != nil {
		return err
	}
	// As root one could write here, and the service's own user could then not
	// read what was written.
	owner, self := info.Sys().(*syscall.Stat_t).Uid, os.Geteuid()
	if int(owner) != self {
		return fmt.Errorf("%w: it is user %d's, this is user %d", ErrOwner, owner, self)
	}
	err = syscall.Flock(int(d.self.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrInUse
	}
	return err
}

func (d *directory) close() {
	d.self.Close()
	d.root.Close()
}

// open opens a regular file for reading. A symbolic link is refused: rename
// would replace it, not what it points to.
func (d *directory) open(name string) (*os.File, error) {
	info, err := d.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, changed("%s is not a regular file", name)
	}
	return d.root.Open(name)
}

// create makes an empty file in place of whatever a crash left under its name.
func (d *directory) create(name string) (*os.File, error) {
	if err := d.remove(name); err != nil {
		return nil, err
	}
	return d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

func (d *directory) remove(name string) error {
	err := d.root.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// write makes a file of data under a temporary name. Its content is durable on
// return, its name is not.
func (d *directory) write(name string, data []byte) (err error) {
	f, err := d.create(name)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, f.Close())
		if err != nil {
			d.remove(name)
		}
	}()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Sync()
}

// rename puts a file durably in place of another.
func (d *directory) rename(from, to string) error {
	if err := d.root.Rename(from, to); err != nil {
		return err
	}
	return d.sync()
}

// sync makes the names in the directory durable.
func (d *directory) sync() error { return d.self.Sync() }

// read returns the content of a file and which file it was. A file that does
// not exist has the zero digest, one larger than limit has no data and no sum.
func (d *directory) read(name string, limit int64) ([]byte, digest, identity, error) {
	f, err := d.open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, digest{}, identity{}, nil
	}
	if err != nil {
		return nil, digest{}, identity{}, err
	}
	defer f.Close()
	id, err := identityOf(f.Stat())
	if err != nil {
		return nil, digest{}, identity{}, err
	}
	if id.size > limit {
		return nil, digest{present: true, size: id.size}, id, nil
	}
	data := make([]byte, id.size)
	if _, err := io.ReadFull(f, data); errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return nil, digest{}, identity{}, changed("%s was truncated while it was read", name)
	} else if err != nil {
		return nil, digest{}, identity{}, err
	}
	return data, digestOf(data), id, nil
}

// identity returns which file has the name; none has the zero identity.
func (d *directory) identity(name string) (identity, error) {
	id, err := identityOf(d.root.Lstat(name))
	if errors.Is(err, fs.ErrNotExist) {
		return identity{}, nil
	}
	return id, err
}

// An identity tells a file, as it was at one time, from others and from itself
// after a change (stat(2)).
type identity struct {
	device, inode    uint64
	size             int64
	modified, status syscall.Timespec
}

func identityOf(info fs.FileInfo, err error) (identity, error) {
	if err != nil {
		return identity{}, err
	}
	st := info.Sys().(*syscall.Stat_t)
	return identity{device: uint64(st.Dev), inode: st.Ino, size: st.Size, modified: st.Mtim, status: st.Ctim}, nil
}

// sameFile says whether it is the same file with the same size, whatever was
// written into it.
func (i identity) sameFile(j identity) bool {
	return i.device == j.device && i.inode == j.inode && i.size == j.size
}

// datasync is fdatasync(2). A call that a signal interrupted has not failed.
func datasync(f *os.File) error {
	for {
		err := syscall.Fdatasync(int(f.Fd()))
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
