package state

import (
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
	if err != nil {
		return nil, err
	}
	return found.version, nil
}

// rewriteSlots writes the version that was found into a new file of slots.
func (st *storage) rewriteSlots(found scanResult) error {
	// The new record refers to files by their names, which therefore have to be
	// durable first.
	if err := st.dir.syncNames(); err != nil {
		return classify("sync the state directory", err)
	}
	if found.source == sourceExternal {
		// The program that wrote the file may not have synced it.
		if err := st.dir.syncFile(FileName); err != nil {
			return classify("sync "+FileName, err)
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
		return classify("create "+slotsName, err)
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
	case st.fileOutdated() && found.record.base.present && !found.file.present:
		st.log(fmt.Sprintf("%s was missing: wrote it again from %s", FileName, slotsName), nil)
	case st.fileOutdated():
		st.log(fmt.Sprintf("%s was outdated: wrote the newest version to it from %s", FileName, slotsName), nil)
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
	if found.record.data == found.file && found.record.base != found.file {
		return nil // FileName gets the version of a record after its commit only
	}
	if found.source == sourceNone || found.source == sourceExternal {
		return nil // no write was acknowledged
	}
	// The data that a record refers to were made durable before the record.
	if err := st.dir.syncFile(slotsName); err != nil {
		return classify("sync "+slotsName, err)
	}
	return nil
}
