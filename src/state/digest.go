package state

import (
	"crypto/sha256"
	"encoding/binary"
)

// A digest identifies the content of a version or of a file. The zero digest
// stands for a file that does not exist.
type digest struct {
	present bool
	size    int64 // in bytes
	sha256  [sha256.Size]byte
}

func digestOf(data []byte) digest {
	return digest{present: true, size: int64(len(data)), sha256: sha256.Sum256(data)}
}

// absentSize is the encoded size of a file that does not exist.
const absentSize = ^uint64(0)

// appendTo appends the encoded digest, 40 bytes, to b.
func (d digest) appendTo(b []byte) []byte {
	size := absentSize
	if d.present {
		size = uint64(d.size)
	}
	return append(binary.LittleEndian.AppendUint64(b, size), d.sha256[:]...)
}

func decodeDigest(b []byte) digest {
	size := binary.LittleEndian.Uint64(b)
	if size == absentSize {
		return digest{}
	}
	return digest{present: true, size: int64(size), sha256: [sha256.Size]byte(b[8:])}
}
