package state

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// recover returns the newest version, nil if there is none, from whatever a
// clean stop, a crash at any moment or a failed sync has left, and brings
// FileName up to date. The returned version is durable: a record that was read
// may be in the page cache only, so recover writes it again into a new file of
// slots.
//
// If the disk is full or read-only, recover still returns a version that is
// certain to be durable. The storage is then not usable, and its failure says
// why.
func (st *storage) recover() (*Version, error) {
	found, err := st.scan()
	if err != nil {
		return nil, err
	}
	st.file, st.fileID = found.file, found.fileID
	err = st.rewriteSlots(found)
	if err == nil {
		err = st.finishRecovery(found)
	}
	if errors.Is(err, ErrNoSpace) || errors.Is(err, ErrReadOnly) {
		st.failure = err
		st.log("cannot write to the state directory: the state is served, and writes are refused until the cause is removed", err)
		err = st.ensureDurable(found)
	}
	return found.version, err
}

// rewriteSlots writes the version that was found into a new file of slots.
func (st *storage) rewriteSlots(found scanResult) error {
	// The new record refers to files by their names, which therefore have to be
	// durable first.
	if err := st.dir.syncNames(); err != nil {
		return err
	}
	if found.source == sourceExternal {
		// The program that wrote the file may not have synced it.
		if err := st.dir.syncFile(FileName); err != nil {
			return err
		}
	}
	r := record{sequence: found.record.sequence + 1, modified: time.Unix(0, 0), base: found.file}
	var data []byte
	if found.version != nil {
		found.version.sequence = r.sequence
		r = newRecord(found.version, found.file)
		data = found.version.Data
	}
	s, err := createSlots(st.dir, r, data)
	if err != nil {
		return err
	}
	st.slots, st.failure = s, nil
	st.committed, st.sequence = r.data, r.sequence
	return nil
}

// finishRecovery brings FileName up to date and logs what was found.
func (st *storage) finishRecovery(found scanResult) error {
	switch {
	case found.source == sourceExternal:
		st.log(fmt.Sprintf("another program has written %s (%d bytes): it is now the state", FileName, found.file.size), nil)
	case found.source == sourceNewFile:
		st.log(fmt.Sprintf("completed the last write (%d bytes): renamed %s to %s", st.committed.size, newFile, FileName), nil)
		return st.renameIntoPlace()
	case st.fileOutdated():
		st.log(fmt.Sprintf("%s was outdated or missing: wrote the newest version to it from %s", FileName, slotsName), nil)
	}
	if err := st.dir.remove(newFile); err != nil {
		st.log("cannot remove "+newFile+", which a crash has left", err)
	}
	err := st.checkpoint(found.version)
	if err != nil && st.usable() {
		st.log(checkpointFailure, err)
		return nil
	}
	return err
}

// ensureDurable returns an error unless the version that was found is certain to
// be durable although rewriteSlots has failed.
func (st *storage) ensureDurable(found scanResult) error {
	// FileName gets the version of a record after its commit only. Without a record,
	// no write was acknowledged.
	inFile := found.record.data == found.file && found.record.base != found.file
	if inFile || found.source == sourceNone || found.source == sourceExternal {
		return nil
	}
	// The data that a record refers to were made durable before the record.
	return st.dir.syncFile(slotsName)
}

// maxExternalSize is the largest file of another program that becomes the state,
// in bytes. It is the largest limits.state.
const maxExternalSize = 1 << 30

// A source says which file holds the newest version.
type source int

const (
	sourceNone     source = iota // there is no version
	sourceSlot                   // the newest record
	sourceFile                   // FileName
	sourceNewFile                // newFile, which was not renamed before a crash
	sourceExternal               // FileName, written by another program before there was a version
)

// A scanResult is what recovery finds in the state directory.
type scanResult struct {
	record  record   // the newest one; zero if there are no slots
	version *Version // nil if there is none
	source  source   // of version
	file    digest   // of FileName
	fileID  fileIdentity
}

// scan reads the files and decides which of them holds the newest version. It
// changes nothing.
func (st *storage) scan() (scanResult, error) {
	r, inline, err := readSlots(st.dir)
	if err != nil {
		return scanResult{}, err
	}
	if r.sequence < st.sequence {
		return scanResult{}, changedError("%s was replaced by an older copy while the service was running: stop the service and put the newer file back, or delete %s to serve %s as it is",
			slotsName, slotsName, FileName)
	}
	limit := max(r.data.size, r.base.size) // a larger file has neither content
	if r.kind == kindEmpty {
		limit = maxExternalSize
	}
	file, err := st.dir.readFile(FileName, limit)
	if err == nil && r.kind == kindEmpty && file.id.size > limit {
		err = changedError("%s has %d bytes, and a state has at most %d: replace or delete it", FileName, file.id.size, limit)
	}
	if err != nil {
		return scanResult{}, err
	}
	var renameSource fileContent
	if r.kind == kindFile && file.digest != r.data {
		if renameSource, err = st.dir.readFile(newFile, r.data.size); err != nil {
			return scanResult{}, err
		}
	}
	from, err := chooseSource(r, file.digest, renameSource.digest)
	found := scanResult{record: r, source: from, file: file.digest, fileID: file.id}
	data, modified := file.data, r.modified
	switch from {
	case sourceNone:
		return found, err
	case sourceSlot:
		// A copy, so that the whole image of the slots is not kept in memory.
		data = bytes.Clone(inline)
	case sourceNewFile:
		data = renameSource.data
	case sourceExternal:
		modified = time.Unix(file.id.modified.Unix())
	}
	found.version = NewVersion(data)
	found.version.Modified = modified
	return found, nil
}

// chooseSource decides which file holds the newest version, given the newest
// record and the contents of FileName and newFile. This package leaves in
// FileName the content from before the record (its base) or the version of the
// record (its data). Any other content is the work of another program.
func chooseSource(r record, file, newFile digest) (source, error) {
	switch {
	case r.kind == kindEmpty && file.present():
		return sourceExternal, nil
	case r.kind == kindEmpty:
		return sourceNone, nil
	case r.kind == kindInline && (file == r.data || file == r.base || !file.present()):
		return sourceSlot, nil
	case r.kind == kindFile && file == r.data:
		return sourceFile, nil
	case r.kind == kindFile && (file == r.base || !file.present()) && newFile == r.data:
		return sourceNewFile, nil
	}
	return sourceNone, changedError("%s", mismatchMessage(r, file))
}

// mismatchMessage says how FileName differs from the newest record, and what an
// administrator can do.
func mismatchMessage(r record, file digest) string {
	found := "is missing"
	if file.present() {
		found = fmt.Sprintf("has %d bytes", file.size)
	}
	text := fmt.Sprintf("%s %s and is not the state of %s with %d bytes and SHA-256 %x: delete %s to serve %s as it is",
		FileName, found, r.modified.UTC().Format(time.RFC3339), r.data.size, r.data.sha256, slotsName, FileName)
	if r.kind == kindInline {
		text += fmt.Sprintf(", or delete %s to return to that state", FileName)
	}
	return text
}
