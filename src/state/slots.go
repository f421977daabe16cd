package state

import (
	"os"
	"slices"
	"syscall"
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
	id, err := dir.identify(slotsName)
	if err != nil {
		return nil, err
	}
	f, err := dir.root.OpenFile(slotsName, os.O_RDWR|syscall.O_NOATIME, 0)
	return &slots{file: f, id: id, next: 1}, classify("open "+slotsName, err)
}

// writeRecord writes r over the older record and returns once it is durable,
// with the time that fdatasync took.
func (s *slots) writeRecord(r record, data []byte) (synced time.Duration, err error) {
	offset := s.next * slotSize
	_, err = s.file.WriteAt(r.encode(), offset)
	if err == nil && r.kind == kindInline {
		_, err = s.file.WriteAt(data, offset+headerSize)
	}
	start := time.Now()
	if err == nil {
		err = fdatasync(s.file)
	}
	if err == nil {
		s.next = 1 - s.next
	}
	return time.Since(start), classify("write "+slotsName, err)
}

// invalidateSlot overwrites the header of a record whose writeRecord has
// failed. That record may look whole in the page cache without being on the
// disk, and a process that reads the file next must not take it for durable.
// Errors are ignored: recovery writes what it reads again before it serves it.
func (s *slots) invalidateSlot() {
	s.file.WriteAt(make([]byte, headerSize), s.next*slotSize)
}

// readSlots returns the newest whole record in the file of slots, with its data
// if it is of kindInline. It returns the zero record if there is no such file.
func readSlots(dir *directory) (record, []byte, error) {
	file, err := dir.readFile(slotsName, slotsSize)
	if err != nil || !file.digest.present() {
		return record{}, nil, err
	}
	return newestRecord(file.data)
}

// newestRecord returns the newest whole record in the content of a file of
// slots. There always is one: the file is created with a record, and a write
// changes one slot while the other one keeps its record.
func newestRecord(image []byte) (newest record, data []byte, err error) {
	if len(image) != slotsSize {
		return record{}, nil, changedError("%s has not the %d bytes that it was created with: delete %s to serve %s as it is",
			slotsName, slotsSize, slotsName, FileName)
	}
	err = changedError("%s has no whole record: delete %s to serve %s as it is", slotsName, slotsName, FileName)
	for slot := range slices.Chunk(image, slotSize) {
		r, slotErr := decodeRecord(slot)
		if slotErr == errUnknownFormat {
			return record{}, nil, slotErr
		}
		var inline []byte
		if r.kind == kindInline {
			inline = slot[headerSize : headerSize+r.data.size]
		}
		if slotErr == nil && (inline == nil || digestOf(inline) == r.data) && r.sequence >= newest.sequence {
			newest, data, err = r, inline, nil
		}
	}
	return newest, data, err
}
