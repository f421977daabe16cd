package state

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"
)

// A Version is one whole value of the state. It never changes.
type Version struct {
	Data []byte
	// ETag is a strong entity tag, quotes included (RFC 9110, section 8.8.3). It
	// is derived from the content: equal data have equal tags.
	ETag string
	// Modified is the time of the write by the system clock.
	Modified time.Time
	// First is set if there was no version before this one.
	First bool

	sequence uint64 // higher than that of every earlier version
	digest   digest
}

// NewVersion returns a version with these bytes, which do not change. Modified and
// First are for the store to set.
func NewVersion(data []byte) *Version {
	d := digestOf(data)
	return &Version{Data: data, ETag: `"` + hex.EncodeToString(d.sha256[:sha256.Size/2]) + `"`, digest: d}
}

// SHA256 returns the digest of the data.
func (v *Version) SHA256() [sha256.Size]byte { return v.digest.sha256 }

// A digest identifies the content of a version or of a file. The zero digest,
// which no content has, stands for a file that does not exist.
type digest struct {
	size   int64 // in bytes
	sha256 [sha256.Size]byte
}

func digestOf(data []byte) digest {
	return digest{size: int64(len(data)), sha256: sha256.Sum256(data)}
}

func (d digest) present() bool { return d != digest{} }

// absentSize is the encoded size of a file that does not exist.
const absentSize = ^uint64(0)

// appendTo appends the encoded digest, 40 bytes, to b.
func (d digest) appendTo(b []byte) []byte {
	size := absentSize
	if d.present() {
		size = uint64(d.size)
	}
	return append(binary.LittleEndian.AppendUint64(b, size), d.sha256[:]...)
}

func decodeDigest(b []byte) (d digest) {
	if size := binary.LittleEndian.Uint64(b); size != absentSize {
		d = digest{size: int64(size), sha256: [sha256.Size]byte(b[8:])}
	}
	return d
}
