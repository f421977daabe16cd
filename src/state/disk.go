package state

import (
	"fmt"
	"time"
)

// newFile is what becomes FileName.
const newFile = FileName + ".new"

// A disk is the state directory and what is known of it. It is for one
// goroutine at a time.
type disk struct {
	*directory
	limit int64
	log   func(string, error)

	slots   *slots // nil after a failure, until recover has made new ones
	trouble error  // the failure

	last digest   // content of the newest durable version
	base digest   // content of FileName
	seen identity // of FileName when it was last known to have that content
	// committed is the number of the newest durable record.
	committed uint64
}

func openDisk(path string, limit int64, log func(string, error)) (*disk, error) {
	dir, err := openDirectory(path)
	if err != nil {
		return nil, fmt.Errorf("open state directory %s: %w", path, err)
	}
	return &disk{directory: dir, limit: limit, log: log}, nil
}

func (d *disk) close() {
	if d.slots != nil {
		d.slots.file.Close()
	}
	d.directory.close()
}

// trusted says whether commit and checkpoint may be called.
func (d *disk) trusted() bool { return d.slots != nil }

// behind says whether FileName is due for a checkpoint.
func (d *disk) behind() bool { return d.trusted() && d.base != d.last }

// commit makes v durable and returns how long the decisive sync took.
func (d *disk) commit(v *Version) (synced time.Duration, err error) {
	if err := d.check(); err != nil {
		return 0, err
	}
	r := recordOf(v, d.base)
	if r.kind == kindFile {
		if err := d.writeNew(v.Data); err != nil {
			return 0, classify("write "+newFile, err)
		}
	}
	synced, err = d.slots.put(r, v.Data)
	if err != nil {
		d.slots.spoil()
		return 0, d.distrust(classify("write "+slotsName, err))
	}
	d.last, d.committed = r.data, r.sequence
	if r.kind == kindFile {
		// The write has happened, so this is no error of it. Recovery repeats
		// the step if it fails.
		if err := d.place(); err != nil {
			d.log("the state is safe, but not yet in "+FileName, err)
		}
	}
	return synced, nil
}

func recordOf(v *Version, base digest) record {
	r := record{sequence: v.sequence, modified: v.Modified, kind: kindInline, data: v.digest, base: base}
	if r.data.size > inlineSize {
		r.kind = kindFile
	}
	return r
}

// writeNew makes the file that becomes FileName, with a durable name: the record
// that is written next may be all that says what it is.
func (d *disk) writeNew(data []byte) error {
	if err := d.write(newFile, data); err != nil {
		return err
	}
	return d.sync()
}

// checkpoint brings FileName up to date with v, the newest version.
func (d *disk) checkpoint(v *Version) error {
	if !d.behind() {
		return nil
	}
	if err := d.check(); err != nil {
		return err
	}
	if err := d.write(newFile, v.Data); err != nil {
		return classify("write "+newFile, err)
	}
	return d.place()
}

// place makes newFile, which holds the newest version, FileName. If that fails
// nobody knows which of the two FileName is, so no record may be based on it.
func (d *disk) place() error {
	if err := d.rename(newFile, FileName); err != nil {
		return d.distrust(classify("rename "+newFile, err))
	}
	seen, err := d.identity(FileName)
	if err != nil {
		return d.distrust(classify("stat "+FileName, err))
	}
	d.base, d.seen = d.last, seen
	return nil
}

// distrust has the next write recover first.
func (d *disk) distrust(err error) error {
	d.slots.file.Close()
	d.slots, d.trouble = nil, err
	return err
}

// check says what stands in the way of a write: an earlier failure, or what
// something else did to the files.
func (d *disk) check() error {
	if !d.trusted() {
		return d.trouble
	}
	id, err := d.identity(slotsName)
	if err != nil {
		return classify("stat "+slotsName, err)
	}
	if !id.sameFile(d.slots.id) {
		return changed("%s is gone, or another file, or has another size", slotsName)
	}
	return d.checkFile()
}

// checkFile compares FileName with what it was. One that was touched only, by
// chmod or ln for instance, has not changed.
func (d *disk) checkFile() error {
	id, err := d.identity(FileName)
	if err != nil {
		return classify("stat "+FileName, err)
	}
	if id == d.seen {
		return nil
	}
	_, found, id, err := d.read(FileName, d.base.size)
	if err != nil {
		return readError(FileName, err)
	}
	if found != d.base {
		return changed("%s is not what was left there", FileName)
	}
	d.seen = id
	return nil
}
