package state

import (
	"errors"
	"io"
	"os"
	"time"
)

const (
	slotsName = "slots"
	newSlots  = slotsName + ".new"

	// inlineSize is the largest version, in bytes, that is stored in a slot. A
	// larger version takes two more syncs, a small part of the time that its
	// data take.
	inlineSize = 256 << 10
	slotSize   = 4096 + inlineSize
	slotsSize  = 2 * slotSize
)

// slots is the open file with the two slots.
type slots struct {
	file *os.File
	id   fileIdentity
	next int64 // index of the slot that does not hold the newest record
}

// createSlots creates a file of slots with r as its only record and puts it
// durably in the place of an existing one.
func createSlots(dir *directory, r record, data []byte) (*slots, error) {
	// Zeros and not fallocate(2), after which the first fdatasync of each block
	// waits for the journal to record that its extent is written.
	image := make([]byte, slotsSize)
	copy(image, r.encode())
	if r.kind == kindInline {
		copy(image[headerSize:], data)
	}
	if err := dir.writeFile(newSlots, image); err != nil {
		return nil, err
	}
	if err := dir.renameDurably(newSlots, slotsName); err != nil {
		return nil, err
	}
	f, err := dir.root.OpenFile(slotsName, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	id, err := identityOf(f.Stat())
	if err != nil {
		f.Close()
		return nil, err
	}
	return &slots{file: f, id: id, next: 1}, nil
}

// writeRecord writes r over the older record and returns once it is durable,
// with the time that fdatasync took.
func (s *slots) writeRecord(r record, data []byte) (synced time.Duration, err error) {
	offset := s.next * slotSize
	if _, err := s.file.WriteAt(r.encode(), offset); err != nil {
		return 0, err
	}
	if r.kind == kindInline {
		if _, err := s.file.WriteAt(data, offset+headerSize); err != nil {
			return 0, err
		}
	}
	start := time.Now()
	if err := fdatasync(s.file); err != nil {
		return 0, err
	}
	s.next = 1 - s.next
	return time.Since(start), nil
}

// invalidateSlot overwrites the header of a record whose writeRecord has
// failed. That record may look whole in the page cache without being on the
// disk, and a process that reads the file next must not take it for durable.
// Errors are ignored: recovery writes what it reads again before it serves it.
func (s *slots) invalidateSlot() {
	s.file.WriteAt(make([]byte, headerSize), s.next*slotSize)
}

// readSlots returns the newest whole record in the file of slots, with its data
// if it is of kindInline. It returns fs.ErrNotExist if there is no such file.
func readSlots(dir *directory) (record, []byte, error) {
	f, err := dir.open(slotsName)
	if err != nil {
		return record{}, nil, err
	}
	defer f.Close()
	image, err := io.ReadAll(io.LimitReader(f, slotsSize+1))
	if err != nil {
		return record{}, nil, err
	}
	return newestRecord(image)
}

// newestRecord returns the newest whole record in the content of a file of
// slots. There always is one: the file is created with a record, and a write
// changes one slot while the other one keeps its record.
func newestRecord(image []byte) (record, []byte, error) {
	if len(image) != slotsSize {
		return record{}, nil, changedError("%s has not the %d bytes that it was created with: delete %s to serve %s as it is",
			slotsName, slotsSize, slotsName, FileName)
	}
	a, aData, aErr := decodeSlot(image[:slotSize])
	b, bData, bErr := decodeSlot(image[slotSize:])
	switch {
	case errors.Is(aErr, errUnknownFormat), errors.Is(bErr, errUnknownFormat):
		return record{}, nil, errUnknownFormat
	case aErr != nil && bErr != nil:
		return record{}, nil, changedError("%s has no whole record: delete %s to serve %s as it is", slotsName, slotsName, FileName)
	case aErr != nil, bErr == nil && b.sequence > a.sequence:
		return b, bData, nil
	}
	return a, aData, nil
}

func decodeSlot(slot []byte) (record, []byte, error) {
	r, err := decodeRecord(slot)
	if err != nil || r.kind != kindInline {
		return r, nil, err
	}
	data := slot[headerSize : headerSize+r.data.size]
	if digestOf(data) != r.data {
		return record{}, nil, errNoRecord
	}
	return r, data, nil
}
