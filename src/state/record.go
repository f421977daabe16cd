package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"
)

// A digest identifies the content of a file or a version. The zero digest
// stands for a file that does not exist.
type digest struct {
	present bool
	size    int64
	sum     [sha256.Size]byte
}

func digestOf(data []byte) digest {
	return digest{present: true, size: int64(len(data)), sum: sha256.Sum256(data)}
}

// A kind says where the data of a record are.
type kind uint32

const (
	kindEmpty  kind = iota // there is no version yet
	kindInline             // in the slot, behind the header
	kindFile               // in FileName, or still in its temporary file
)

// A record says what the state is.
type record struct {
	sequence uint64
	modified time.Time
	kind     kind
	data     digest // of the version
	base     digest // of FileName when the record was written
}

// The header of a record; FORMAT.md has the table. Version and checksum stay
// where they are in every version of the format.
const (
	headerSize    = 128
	magic         = "\x66\x6f\x6f\x62\x61\x72" // stays, whatever the program is called
	formatVersion = 1
	checksumAt    = headerSize - 4
	noFile        = ^uint64(0) // the size of a file that does not exist
)

var (
	errNoRecord = errors.New("no whole record")
	errVersion  = errors.New("the record has a version of the format that this program does not know")
)

func castagnoli(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

func (r record) encode() []byte {
	b := make([]byte, 0, headerSize)
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint16(b, formatVersion)
	b = binary.LittleEndian.AppendUint64(b, r.sequence)
	b = binary.LittleEndian.AppendUint64(b, uint64(r.modified.UnixNano()))
	b = binary.LittleEndian.AppendUint32(b, uint32(r.kind))
	b = r.data.append(b)
	b = r.base.append(b)
	b = b[:checksumAt]
	return binary.LittleEndian.AppendUint32(b, castagnoli(b))
}

func (d digest) append(b []byte) []byte {
	size := noFile
	if d.present {
		size = uint64(d.size)
	}
	return append(binary.LittleEndian.AppendUint64(b, size), d.sum[:]...)
}

// decode reads a header. The error is errNoRecord for what a torn write or no
// write at all leaves.
func decode(b []byte) (record, error) {
	if len(b) < headerSize || !bytes.HasPrefix(b, []byte(magic)) {
		return record{}, errNoRecord
	}
	if binary.LittleEndian.Uint32(b[checksumAt:]) != castagnoli(b[:checksumAt]) {
		return record{}, errNoRecord
	}
	if binary.LittleEndian.Uint16(b[6:]) != formatVersion {
		return record{}, errVersion
	}
	r := record{
		sequence: binary.LittleEndian.Uint64(b[8:]),
		modified: time.Unix(0, int64(binary.LittleEndian.Uint64(b[16:]))),
		kind:     kind(binary.LittleEndian.Uint32(b[24:])),
		data:     decodeDigest(b[28:]),
		base:     decodeDigest(b[68:]),
	}
	if !r.valid() || !bytes.Equal(r.encode(), b[:headerSize]) {
		return record{}, errNoRecord
	}
	return r, nil
}

func decodeDigest(b []byte) digest {
	size := binary.LittleEndian.Uint64(b)
	if size == noFile {
		return digest{}
	}
	return digest{present: true, size: int64(size), sum: [sha256.Size]byte(b[8:])}
}

func (r record) valid() bool {
	if r.data.size < 0 || r.base.size < 0 {
		return false
	}
	switch r.kind {
	case kindEmpty:
		return !r.data.present
	case kindInline:
		return r.data.present && r.data.size <= inlineSize
	case kindFile:
		return r.data.present
	}
	return false
}
