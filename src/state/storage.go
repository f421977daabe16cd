package state

import (
	"cmp"
	"syscall"
	"time"
)

// newFile is the name under which a file is written that becomes FileName.
const newFile = FileName + ".new"

// storage is the state directory with what is known about its files. It is not
// safe for concurrent use.
type storage struct {
	dir *directory
	log func(message string, err error)

	slots       *slots       // nil after a failure, until recover has created a new file
	failure     error        // why slots is nil
	dirIdentity fileIdentity // when slots was last looked up in the directory

	committed digest // content of the newest durable version
	sequence  uint64 // of the newest durable record

	file   digest       // content of FileName
	fileID fileIdentity // of FileName when it was last found to have that content
}

func (st *storage) close() {
	if st.slots != nil {
		st.slots.file.Close()
	}
	st.dir.close()
}

// usable reports whether commit and checkpoint may be called. After a failure
// recover has to be called first.
func (st *storage) usable() bool { return st.slots != nil }

// markFailed makes the storage unusable until the next recover, and returns err.
func (st *storage) markFailed(err error) error {
	st.slots.file.Close()
	st.slots, st.failure = nil, err
	return err
}

// commit makes v durable. It returns how long fdatasync(2) took.
func (st *storage) commit(v *Version) (synced time.Duration, err error) {
	if err := st.check(); err != nil {
		return 0, err
	}
	r := newRecord(v, st.file)
	if r.kind == kindFile {
		// The record holds no data, so it must never be durable without this
		// file and its name.
		if err := st.dir.writeFile(newFile, v.Data); err != nil {
			return 0, err
		}
		if err := st.dir.syncNames(); err != nil {
			return 0, err
		}
	}
	synced, err = st.slots.writeRecord(r, v.Data)
	if err != nil {
		st.slots.invalidateSlot()
		return 0, st.markFailed(err)
	}
	st.committed, st.sequence = r.data, r.sequence
	if r.kind == kindFile {
		// From here on the write has happened: a failure is no error of it, and
		// the next recovery repeats the rename.
		if err := st.renameIntoPlace(); err != nil {
			st.log("the last write is durable in "+newFile+", which cannot replace "+FileName+" for now; the next write tries again", err)
		}
	}
	return synced, nil
}

// fileOutdated reports whether FileName differs from the newest version.
func (st *storage) fileOutdated() bool { return st.usable() && st.file != st.committed }

// checkpoint copies v, which has to be the newest version, to FileName if that
// is outdated.
func (st *storage) checkpoint(v *Version) error {
	if err := st.check(); err != nil || !st.fileOutdated() {
		return err
	}
	if err := st.dir.writeFile(newFile, v.Data); err != nil {
		return err
	}
	return st.renameIntoPlace()
}

// finish is the last checkpoint. It also writes a FileName that another program
// has deleted: a large version is nowhere else.
func (st *storage) finish(v *Version) error {
	id, err := st.dir.identify(FileName)
	if err == nil && id == (fileIdentity{}) && st.file.present() {
		st.log(FileName+" was deleted while the service was running: writing it again", nil)
		st.file, st.fileID = digest{}, id
	}
	return st.checkpoint(v)
}

// renameIntoPlace renames newFile, which holds the newest version, to FileName.
// After a failure it is unknown which content FileName has, so that no record
// may be written with it as its base.
func (st *storage) renameIntoPlace() error {
	err := st.dir.renameDurably(newFile, FileName)
	if err == nil {
		st.file = st.committed
		st.fileID, err = st.dir.identify(FileName)
	}
	if err != nil {
		return st.markFailed(err)
	}
	return nil
}

// check returns the error that a write would fail with now: an earlier failure,
// or a change of the files by another program.
func (st *storage) check() error {
	if !st.usable() {
		return st.failure
	}
	return cmp.Or(st.checkSlots(), st.checkFile())
}

// checkSlots notices that the file of slots was deleted, replaced or resized. It calls
// stat(2) on the file only after a name in the directory has changed: after each such
// call, Linux gives the next write a modification time of its own, and on some file
// systems fdatasync(2) then writes a second block.
func (st *storage) checkSlots() error {
	current, err := identityOf(st.dir.handle.Stat())
	// The last byte, and one that does not exist.
	n, _ := syscall.Pread(int(st.slots.file.Fd()), make([]byte, 2), slotsSize-1)
	if err == nil && current == st.dirIdentity && n == 1 {
		return nil
	}
	id, err := st.dir.identify(slotsName)
	if err != nil {
		return err
	}
	// What has been written into the file does not count.
	if was := st.slots.id; id.device != was.device || id.inode != was.inode || id.size != was.size {
		return changedError("%s was deleted, replaced or resized while the service was running: restart the service to serve %s as it is",
			slotsName, FileName)
	}
	// Two changes within a step of the file system's clock can have the same time.
	if time.Since(time.Unix(current.status.Unix())) > 10*time.Millisecond {
		st.dirIdentity = current
	}
	return nil
}

// checkFile compares FileName with the content that it was left with. A change
// of its mode, owner, links or times is no change of the content.
func (st *storage) checkFile() error {
	id, err := st.dir.identify(FileName)
	if err != nil || id == st.fileID {
		return err
	}
	found, err := st.dir.readFile(FileName, st.file.size)
	if err != nil {
		return err
	}
	if found.digest != st.file {
		return changedError("%s was changed or deleted while the service was running: restart the service, which writes a deleted file again, and says what to do about another content", FileName)
	}
	st.fileID = found.id
	return nil
}
