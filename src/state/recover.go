package state

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// recover finds the newest version, nil if there is none, from what a clean
// stop, a crash at any moment or a failed sync has left, and leaves the
// directory as a checkpoint does. What it returns is durable: records that are
// read may be in the page cache only, so the newest is written again into a new
// file of slots.
//
// If the disk is full or read-only the version is served all the same, provided
// that it is certain to be durable; then trusted is false and trouble says why.
func (d *disk) recover() (*Version, error) {
	found, err := d.find()
	if err != nil {
		return nil, err
	}
	d.base, d.seen = found.file, found.id
	err = d.renew(found)
	if err == nil {
		err = d.settle(found)
	}
	if errors.Is(err, ErrNoSpace) || errors.Is(err, ErrReadOnly) {
		d.trouble = err
		d.log("the state can only be read for now", err)
		err = d.prove(found)
	}
	if err != nil {
		return nil, err
	}
	return found.version, nil
}

// findings are what recover has to build on.
type findings struct {
	record  record   // the newest; zero if there are no slots
	version *Version // nil if there is none yet
	source  source
	file    digest // of FileName
	id      identity
}

// find reads the files and decides which of them holds the newest version.
func (d *disk) find() (findings, error) {
	r, inline, err := d.readSlots()
	if errors.Is(err, fs.ErrNotExist) {
		r, err = record{}, nil
	}
	if err != nil {
		return findings{}, readError(slotsName, err)
	}
	data, file, id, err := d.read(FileName, d.limitOf(r))
	if err != nil {
		return findings{}, readError(FileName, err)
	}
	var fresh []byte
	var freshDigest digest
	if r.kind == kindFile && file != r.data {
		fresh, freshDigest, _, err = d.read(newFile, r.data.size)
		if err != nil {
			return findings{}, readError(newFile, err)
		}
	}
	from, err := choose(r, file, freshDigest)
	if err != nil {
		return findings{}, err
	}
	if r.sequence < d.committed {
		return findings{}, changed("%s holds an older state than was written", slotsName)
	}
	f := findings{record: r, source: from, file: file, id: id}
	switch from {
	case fromSlot:
		f.version = versionAt(r.modified, bytes.Clone(inline)) // not the whole file
	case fromFile:
		f.version = versionAt(r.modified, data)
	case fromNew:
		f.version = versionAt(r.modified, fresh)
	case fromForeign:
		if data == nil {
			return findings{}, fmt.Errorf("%w: %s has %d bytes", ErrTooLarge, FileName, file.size)
		}
		f.version = versionAt(time.Unix(id.modified.Unix()), data)
	}
	return f, nil
}

func versionAt(modified time.Time, data []byte) *Version {
	v := newVersion(data)
	v.Modified = modified
	return v
}

// limitOf is how much of FileName is worth reading: more than either of the
// contents that it may have is neither.
func (d *disk) limitOf(r record) int64 {
	if r.kind != kindEmpty {
		return max(r.data.size, r.base.size)
	}
	if d.limit > 0 {
		return d.limit
	}
	return 1<<63 - 1
}

func readError(name string, err error) error {
	if errors.Is(err, ErrChanged) {
		return err
	}
	return fmt.Errorf("read %s: %w", name, err)
}

// A source says which file holds the newest version.
type source int

const (
	fromNothing source = iota // there is no version
	fromSlot
	fromFile
	fromNew     // FileName's rename was not reached
	fromForeign // FileName was put there before there was any version
)

// choose decides where the newest version is, given the newest record and the
// contents of FileName and of the file that was to become it. Our own doing
// leaves in FileName what the record says was there (base) or the version of
// the record itself (data), nothing else.
func choose(r record, file, fresh digest) (source, error) {
	switch {
	case r.kind == kindEmpty && file.present:
		return fromForeign, nil
	case r.kind == kindEmpty:
		return fromNothing, nil
	case r.kind == kindInline && (file == r.data || file == r.base || !file.present):
		return fromSlot, nil
	case r.kind == kindFile && file == r.data:
		return fromFile, nil
	case r.kind == kindFile && (file == r.base || !file.present) && fresh == r.data:
		return fromNew, nil
	}
	return fromNothing, changed("%s", disagreement(r, file))
}

// disagreement tells an administrator what to do.
func disagreement(r record, file digest) string {
	is := "is not there"
	if file.present {
		is = fmt.Sprintf("has %d bytes", file.size)
	}
	text := fmt.Sprintf("%s %s and is not the state of %s with %d bytes and SHA-256 %x: delete %s to serve %s as it is",
		FileName, is, r.modified.UTC().Format(time.RFC3339), r.data.size, r.data.sum, slotsName, FileName)
	if r.kind == kindInline {
		text += fmt.Sprintf(", or delete %s to return to that state", FileName)
	}
	return text
}

// renew writes what was found into new slots.
func (d *disk) renew(f findings) error {
	// Names that were seen have to be durable before anything is built on them.
	if err := d.sync(); err != nil {
		return classify("sync state directory", err)
	}
	if f.source == fromForeign {
		// Nobody has made sure that it is on the disk.
		if err := d.syncFile(FileName); err != nil {
			return classify("sync "+FileName, err)
		}
	}
	r := record{sequence: f.record.sequence + 1, modified: time.Unix(0, 0), base: f.file}
	var data []byte
	if f.version != nil {
		f.version.sequence = r.sequence
		r = recordOf(f.version, f.file)
		data = f.version.Data
	}
	s, err := d.createSlots(r, data)
	if err != nil {
		return classify("create "+slotsName, err)
	}
	d.slots, d.trouble = s, nil
	d.last, d.committed = r.data, r.sequence
	return nil
}

// prove makes certain that what is to be served without having been renewed is
// durable.
func (d *disk) prove(f findings) error {
	if f.record.data == f.file && f.record.base != f.file {
		return nil // FileName follows only after the commit
	}
	if f.source == fromNothing || f.source == fromForeign {
		return nil // nothing was answered
	}
	// What a record refers to was durable before the record was written.
	if err := d.syncFile(slotsName); err != nil {
		return classify("sync "+slotsName, err)
	}
	return nil
}

func (d *disk) syncFile(name string) error {
	f, err := d.open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// settle brings FileName up to date and says what was found.
func (d *disk) settle(f findings) error {
	switch {
	case f.source == fromForeign:
		d.log(fmt.Sprintf("took the %d bytes of %s, which something else wrote, as the state", f.file.size, FileName), nil)
	case f.source == fromNew:
		d.log(fmt.Sprintf("put a write of %d bytes that was committed last in place", d.last.size), nil)
		return d.place()
	case d.behind() && f.record.base.present && !f.file.present:
		d.log(FileName+" was not there: wrote it again from "+slotsName, nil)
	case d.behind():
		d.log(FileName+" was behind: brought it up to date from "+slotsName, nil)
	}
	if err := d.remove(newFile); err != nil {
		d.log("a left-over file stays", err)
	}
	err := d.checkpoint(f.version)
	if err != nil && d.trusted() {
		d.log(FileName+" cannot be brought up to date for now; the state itself is safe", err)
		return nil
	}
	return err
}
