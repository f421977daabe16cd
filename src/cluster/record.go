package cluster

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"time"

	"foobar/src/state"
)

// format is the number of the record format. FORMAT.md describes the format.
const format = 1

// headerSize is the size of a record without its data, in bytes: magic and format,
// id, time, SHA-256 and size.
const headerSize = 8 + 16 + 8 + 32 + 8

var magic = []byte("record")

// An id distinguishes the writes, so that a writer recognizes its own.
type id [16]byte

func newID() (i id) {
	_, _ = rand.Read(i[:]) // never fails
	return i
}

// encode returns the record of a version.
func encode(v *state.Version, i id) []byte {
	sum := v.SHA256()
	b := make([]byte, 0, headerSize+len(v.Data))
	b = binary.BigEndian.AppendUint16(append(b, magic...), format)
	b = binary.BigEndian.AppendUint64(append(b, i[:]...), uint64(v.Modified.UnixNano()))
	b = binary.BigEndian.AppendUint64(append(b, sum[:]...), uint64(len(v.Data)))
	return append(b, v.Data...)
}

// decode returns the version of a record and the id of its write.
func decode(b []byte) (*state.Version, id, error) {
	if len(b) < headerSize || !bytes.HasPrefix(b, magic) {
		return nil, id{}, invalid("the value of the key is no record of foobar-etcd")
	}
	if f := binary.BigEndian.Uint16(b[6:]); f != format {
		return nil, id{}, invalid("the record has format %d, and this version of foobar-etcd knows format %d: upgrade it", f, format)
	}
	v := state.NewVersion(b[headerSize:])
	v.Modified = time.Unix(0, int64(binary.BigEndian.Uint64(b[24:])))
	if binary.BigEndian.Uint64(b[64:]) != uint64(len(v.Data)) || v.SHA256() != [32]byte(b[32:64]) {
		return nil, id{}, invalid("the record is damaged: its size or its SHA-256 is not that of its data")
	}
	return v, id(b[8:24]), nil
}

func invalid(format string, args ...any) error {
	return &storeError{eventRecord, fmt.Errorf(format, args...)}
}
