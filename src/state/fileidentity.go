package state

import (
	"io/fs"
	"syscall"
)

// A fileIdentity tells a file, as it was at one time, from other files and from
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

// sameFile reports whether both are the same file with the same size. What has
// been written into the file does not count.
func (i fileIdentity) sameFile(j fileIdentity) bool {
	return i.device == j.device && i.inode == j.inode && i.size == j.size
}
