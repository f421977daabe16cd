package state

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"
)

// A kind says where the data of a record are.
type kind uint32

const (
	kindEmpty  kind = iota // nothing has been written yet
	kindInline             // in the slot, after the header
	kindFile               // in FileName, or in newFile until it is renamed
)

// A record describes one durable version.
type record struct {
	sequence uint64 // higher than that of every earlier record
	modified time.Time
	kind     kind
	data     digest // of the version
	base     digest // of FileName at the time the record was written
}

// The layout of an encoded record, in bytes; FORMAT.md has the whole table.
// Format version and checksum keep their places in every version of the format.
const (
	headerSize     = 128
	magic          = "\x66\x6f\x6f\x62\x61\x72" // independent of the program's name
	formatVersion  = 1
	checksumOffset = headerSize - 4
)

var (
	errNoRecord = errors.New("no whole record")
	// errUnknownFormat marks a record of a newer program. Only a torn record may be
	// ignored.
	errUnknownFormat = errors.New(slotsName + " has a format version that this program does not know: install the program that wrote it, or a newer one")
)

func newRecord(v *Version, base digest) record {
	r := record{sequence: v.sequence, modified: v.Modified, kind: kindInline, data: v.digest, base: base}
	if r.data.size > inlineSize {
		r.kind = kindFile
	}
	return r
}

func (r record) encode() []byte {
	b := make([]byte, 0, headerSize)
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint16(b, formatVersion)
	b = binary.LittleEndian.AppendUint64(b, r.sequence)
	b = binary.LittleEndian.AppendUint64(b, uint64(r.modified.UnixNano()))
	b = binary.LittleEndian.AppendUint32(b, uint32(r.kind))
	b = r.data.appendTo(b)
	b = r.base.appendTo(b)
	b = b[:checksumOffset]
	return binary.LittleEndian.AppendUint32(b, crc32c(b))
}

// decodeRecord decodes the header at the start of b. It returns errNoRecord for
// what a torn write leaves, and for a slot that was never written.
func decodeRecord(b []byte) (record, error) {
	if len(b) < headerSize || !bytes.HasPrefix(b, []byte(magic)) ||
		binary.LittleEndian.Uint32(b[checksumOffset:]) != crc32c(b[:checksumOffset]) {
		return record{}, errNoRecord
	}
	if binary.LittleEndian.Uint16(b[6:]) != formatVersion {
		return record{}, errUnknownFormat
	}
	r := record{
		sequence: binary.LittleEndian.Uint64(b[8:]),
		modified: time.Unix(0, int64(binary.LittleEndian.Uint64(b[16:]))),
		kind:     kind(binary.LittleEndian.Uint32(b[24:])),
		data:     decodeDigest(b[28:]),
		base:     decodeDigest(b[68:]),
	}
	if r.kind > kindFile || r.data.present() != (r.kind != kindEmpty) || min(r.data.size, r.base.size) < 0 ||
		r.kind == kindInline && r.data.size > inlineSize || !bytes.Equal(r.encode(), b[:headerSize]) {
		return record{}, errNoRecord
	}
	return r, nil
}

func crc32c(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }
