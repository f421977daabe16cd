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

	// inlineSize is the largest version, in bytes, that a slot holds. Larger
	// ones cost two more syncs, which is then a small part of the whole.
	inlineSize = 256 << 10
	slotSize   = 4096 + inlineSize
	slotsSize  = 2 * slotSize
)

// slots is the open file of the two slots.
type slots struct {
	file *os.File
	id   identity
	next int64 // the slot that is written next: the one without the newest record
}

// createSlots puts a new file of slots, with r as its only record, durably in
// place of the one that may be there.
func (d *directory) createSlots(r record, data []byte) (s *slots, err error) {
	f, err := d.create(newSlots)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
			d.remove(newSlots)
		}
	}()
	// Zeros rather than fallocate(2): a first write to an unwritten extent
	// would have fdatasync wait for the journal.
	image := make([]byte, slotsSize)
	copy(image, r.encode())
	if r.kind == kindInline {
		copy(image[headerSize:], data)
	}
	if _, err := f.Write(image); err != nil {
		return nil, err
	}
	if err := f.Sync(); err != nil {
		return nil, err
	}
	if err := d.rename(newSlots, slotsName); err != nil {
		return nil, err
	}
	id, err := identityOf(f.Stat())
	if err != nil {
		return nil, err
	}
	return &slots{file: f, id: id, next: 1}, nil
}

// put writes r over the older record and returns, after the time that the
// sync took, when it is durable.
func (s *slots) put(r record, data []byte) (synced time.Duration, err error) {
	at := s.next * slotSize
	if _, err := s.file.WriteAt(r.encode(), at); err != nil {
		return 0, err
	}
	if r.kind == kindInline {
		if _, err := s.file.WriteAt(data, at+headerSize); err != nil {
			return 0, err
		}
	}
	start := time.Now()
	if err := datasync(s.file); err != nil {
		return 0, err
	}
	s.next = 1 - s.next
	return time.Since(start), nil
}

// spoil follows a failed put. What was put may be in the page cache, looking
// whole, and not on the disk: whoever reads the file next must not take it for
// durable. It is done as well as can be; recovery does not rest on it.
func (s *slots) spoil() {
	s.file.WriteAt(make([]byte, headerSize), s.next*slotSize)
}

// readSlots returns the newest whole record in the file of slots and its data
// if they are inline. The error is fs.ErrNotExist if there is no file.
func (d *directory) readSlots() (record, []byte, error) {
	f, err := d.open(slotsName)
	if err != nil {
		return record{}, nil, err
	}
	defer f.Close()
	image, err := io.ReadAll(io.LimitReader(f, slotsSize+1))
	if err != nil {
		return record{}, nil, err
	}
	return newest(image)
}

// newest finds the newest whole record in the image of a file of slots. A file
// always has one: it comes into being with one, and one slot is left alone
// while the other is written.
func newest(image []byte) (record, []byte, error) {
	if len(image) != slotsSize {
		return record{}, nil, changed("%s should have %d bytes", slotsName, slotsSize)
	}
	a, aData, aErr := readSlot(image[:slotSize])
	b, bData, bErr := readSlot(image[slotSize:])
	switch {
	case errors.Is(aErr, errVersion), errors.Is(bErr, errVersion):
		return record{}, nil, errVersion
	case aErr != nil && bErr != nil:
		return record{}, nil, changed("neither record in %s is whole; delete it to serve %s as it is", slotsName, FileName)
	case aErr != nil, bErr == nil && b.sequence > a.sequence:
		return b, bData, nil
	}
	return a, aData, nil
}

func readSlot(slot []byte) (record, []byte, error) {
	r, err := decode(slot)
	if err != nil || r.kind != kindInline {
		return r, nil, err
	}
	data := slot[headerSize : headerSize+r.data.size]
	if digestOf(data) != r.data {
		return record{}, nil, errNoRecord
	}
	return r, data, nil
}
