package state

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

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
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return scanResult{}, err
	}
	if r.sequence < st.sequence {
		return scanResult{}, changedError("%s was replaced by an older copy while the service was running: stop the service and put the newer file back, or delete %s to serve %s as it is",
			slotsName, slotsName, FileName)
	}
	limit := st.maxSize
	if r.kind != kindEmpty {
		limit = max(r.data.size, r.base.size) // a larger file has neither content
	}
	file, err := st.dir.readFile(FileName, limit)
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
	if err != nil {
		return scanResult{}, err
	}
	data, modified := file.data, r.modified
	switch from {
	case sourceNone:
		return scanResult{record: r, source: from}, nil
	case sourceSlot:
		// A copy, so that the whole image of the slots is not kept in memory.
		data = bytes.Clone(inline)
	case sourceNewFile:
		data = renameSource.data
	case sourceExternal:
		if data == nil {
			return scanResult{}, fmt.Errorf("%w: %s has %d bytes, the limit is %d", ErrTooLarge, FileName, file.digest.size, st.maxSize)
		}
		modified = time.Unix(file.id.modified.Unix())
	}
	v := newVersion(data)
	v.Modified = modified
	return scanResult{record: r, version: v, source: from, file: file.digest, fileID: file.id}, nil
}

// chooseSource decides which file holds the newest version, given the newest
// record and the contents of FileName and newFile. This package leaves in
// FileName the content from before the record (its base) or the version of the
// record (its data). Any other content is the work of another program.
func chooseSource(r record, file, newFile digest) (source, error) {
	switch {
	case r.kind == kindEmpty && file.present:
		return sourceExternal, nil
	case r.kind == kindEmpty:
		return sourceNone, nil
	case r.kind == kindInline && (file == r.data || file == r.base || !file.present):
		return sourceSlot, nil
	case r.kind == kindFile && file == r.data:
		return sourceFile, nil
	case r.kind == kindFile && (file == r.base || !file.present) && newFile == r.data:
		return sourceNewFile, nil
	}
	return sourceNone, changedError("%s", mismatchMessage(r, file))
}

// mismatchMessage says how FileName differs from the newest record, and what an
// administrator can do.
func mismatchMessage(r record, file digest) string {
	found := "is missing"
	if file.present {
		found = fmt.Sprintf("has %d bytes", file.size)
	}
	text := fmt.Sprintf("%s %s and is not the state of %s with %d bytes and SHA-256 %x: delete %s to serve %s as it is",
		FileName, found, r.modified.UTC().Format(time.RFC3339), r.data.size, r.data.sha256, slotsName, FileName)
	if r.kind == kindInline {
		text += fmt.Sprintf(", or delete %s to return to that state", FileName)
	}
	return text
}
