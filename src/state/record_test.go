package state

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

func sample(sequence uint64, data string) record {
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
		sample(1, "x"),
		sample(1<<63, strings.Repeat("x", inlineSize)),
		sample(7, largeState("x")),
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

func TestEveryBitOfAHeaderCounts(t *testing.T) {
	r := sample(9, "data")
	for i := range headerSize * 8 {
		b := r.encode()
		b[i/8] ^= 1 << (i % 8)
		if got, err := decodeRecord(b); !errors.Is(err, errNoRecord) {
			t.Errorf("bit %d flipped: decoded %+v, %v", i, got, err)
		}
	}
}

// FuzzDecode checks that a header that is accepted is one that encode writes.
func FuzzDecode(f *testing.F) {
	f.Add(sample(1, "x").encode())
	f.Add(record{kind: kindEmpty}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		// With the checksum put right the fields behind it are reached.
		if len(b) >= headerSize {
			b = bytes.Clone(b[:headerSize])
			b = append(b[:checksumOffset], sumBytes(b[:checksumOffset])...)
		}
		r, err := decodeRecord(b)
		if err == nil && !bytes.Equal(r.encode(), b) {
			t.Errorf("%x decodes to %+v, which encodes to %x", b, r, r.encode())
		}
	})
}

func sumBytes(b []byte) []byte {
	sum := crc32c(b)
	return []byte{byte(sum), byte(sum >> 8), byte(sum >> 16), byte(sum >> 24)}
}
