package state

import (
	"crypto/sha256"
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

	sequence uint64
	first    bool
	digest   digest
}

func newVersion(data []byte) *Version {
	d := digestOf(data)
	return &Version{Data: data, ETag: `"` + hex.EncodeToString(d.sha256[:sha256.Size/2]) + `"`, digest: d}
}

// First reports whether there was no version before this one.
func (v *Version) First() bool { return v.first }

// Sequence returns a number that is higher than that of every earlier version.
func (v *Version) Sequence() uint64 { return v.sequence }
