package state

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

// sampleRecord describes a version with the given data.
func sampleRecord(sequence uint64, data string) record {
	r := record{
		sequence: sequence,
		modified: time.Unix(1700000000, 123456789),
		kind:     kindInline,
		data:     digestOf([]byte(data)),
		base:     digestOf([]byte("base")),
	}
	if len(data) > inlineSize {
		r.kind = kindFile
	}
	return r
}

func TestRecordRoundTrip(t *testing.T) {
	for _, r := range []record{
		sampleRecord(1, "x"),
		sampleRecord(1<<63, strings.Repeat("x", inlineSize)),
		sampleRecord(7, largeState("x")),
		{sequence: 3, modified: time.Unix(0, 0), kind: kindEmpty},
		{sequence: 3, modified: time.Unix(-5, 9), kind: kindInline, data: digestOf(nil)},
	} {
		b := r.encode()
		if len(b) != headerSize {
			t.Fatalf("header has %d bytes", len(b))
		}
		got, err := decodeRecord(b)
		if err != nil || got != r {
			t.Errorf("decoded %+v, %v, want %+v", got, err, r)
		}
	}
}

// TestDecodeFlippedBits flips each bit of a header, which makes the header invalid.
func TestDecodeFlippedBits(t *testing.T) {
	r := sampleRecord(9, "data")
	for i := range headerSize * 8 {
		b := r.encode()
		b[i/8] ^= 1 << (i % 8)
		if got, err := decodeRecord(b); !errors.Is(err, errNoRecord) {
			t.Errorf("bit %d flipped: decoded %+v, %v", i, got, err)
		}
	}
}

// FuzzDecode checks that decodeRecord accepts only what encode produces.
func FuzzDecode(f *testing.F) {
	f.Add(sampleRecord(1, "x").encode())
	f.Add(record{kind: kindEmpty}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		// A correct checksum lets the fuzzer reach the checks of the fields.
		if len(b) >= headerSize {
			b = bytes.Clone(b[:headerSize])
			b = append(b[:checksumOffset], encodedChecksum(b[:checksumOffset])...)
		}
		r, err := decodeRecord(b)
		if err == nil && !bytes.Equal(r.encode(), b) {
			t.Errorf("%x decodes to %+v, which encodes to %x", b, r, r.encode())
		}
	})
}

func encodedChecksum(b []byte) []byte {
	sum := crc32c(b)
	return []byte{byte(sum), byte(sum >> 8), byte(sum >> 16), byte(sum >> 24)}
}
