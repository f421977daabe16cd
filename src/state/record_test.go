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

// image is a file of slots with the given records; "" leaves a slot of zeros.
func image(a, b string) []byte {
	image := make([]byte, slotsSize)
	for i, data := range []string{a, b} {
		if data == "" {
			continue
		}
		slot := image[i*slotSize:]
		r := sample(uint64(i+1), data)
		copy(slot, r.encode())
		if r.kind == kindInline {
			copy(slot[headerSize:], data)
		}
	}
	return image
}

func TestRecordRoundTrip(t *testing.T) {
	for _, r := range []record{
		sample(1, "x"),
		sample(1<<63, strings.Repeat("x", inlineSize)),
		sample(7, large("x")),
		{sequence: 3, modified: time.Unix(0, 0), kind: kindEmpty},
		{sequence: 3, modified: time.Unix(-5, 9), kind: kindInline, data: digestOf(nil)},
	} {
		b := r.encode()
		if len(b) != headerSize {
			t.Fatalf("header has %d bytes", len(b))
		}
		got, err := decode(b)
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
		if got, err := decode(b); !errors.Is(err, errNoRecord) {
			t.Errorf("bit %d flipped: decoded %+v, %v", i, got, err)
		}
	}
}

func TestNewest(t *testing.T) {
	damage := func(image []byte, at int) []byte {
		image[at] ^= 1
		return image
	}
	swap := func(image []byte) []byte {
		return append(bytes.Clone(image[slotSize:]), image[:slotSize]...)
	}
	foreign := func() []byte { // a record of a later version of the format, whole
		image := image("a", "b")
		b := image[slotSize:][:headerSize]
		b[6] = 2
		copy(b[checksumAt:], sumBytes(b[:checksumAt]))
		return image
	}
	for _, c := range []struct {
		name  string
		image []byte
		want  string
		err   error
	}{
		{"new file", image("a", ""), "a", nil},
		{"second is newer", image("a", "b"), "b", nil},
		{"first is newer", swap(image("a", "b")), "b", nil},
		{"newer one has a torn header", damage(image("a", "b"), slotSize+100), "a", nil},
		{"newer one has torn data", damage(image("a", "bbbb"), slotSize+headerSize+2), "a", nil},
		{"newer one has its header only", damage(image("a", strings.Repeat("b", inlineSize)), slotsSize-1-(4096-headerSize)), "a", nil},
		{"older one is torn", damage(image("a", "b"), 3), "b", nil},
		{"both torn", damage(damage(image("a", "b"), 3), slotSize+3), "", ErrChanged},
		{"zeros", make([]byte, slotsSize), "", ErrChanged},
		{"too short", image("a", "b")[:slotsSize-1], "", ErrChanged},
		{"empty", nil, "", ErrChanged},
		{"too long", append(image("a", "b"), 0), "", ErrChanged},
		{"later version", foreign(), "", errVersion},
	} {
		_, data, err := newest(c.image)
		if !errors.Is(err, c.err) || string(data) != c.want {
			t.Errorf("%s: got %.10q, %v, want %q, %v", c.name, data, err, c.want, c.err)
		}
	}
}

// A write over the older slot that stops anywhere, in any order of sectors,
// leaves the one or the other record.
func TestTornWrite(t *testing.T) {
	random := seeded(t)
	const sector = 512
	for round := range 300 {
		before := image(strings.Repeat("a", random.IntN(3000)+1), strings.Repeat("b", random.IntN(3000)+1))
		torn := bytes.Clone(before)
		data := strings.Repeat("c", random.IntN(3000)+1)
		r := sample(3, data)
		written := append(r.encode(), data...)
		whole := true
		for at := 0; at < len(written); at += sector {
			if random.IntN(4) == 0 {
				whole = whole && bytes.Equal(torn[at:min(at+sector, len(written))], written[at:min(at+sector, len(written))])
				continue
			}
			copy(torn[at:], written[at:min(at+sector, len(written))])
		}
		got, _, err := newest(torn)
		want := uint64(2)
		if whole {
			want = 3
		}
		if err != nil || got.sequence != want {
			t.Fatalf("round %d: record %d, %v, want %d", round, got.sequence, err, want)
		}
	}
}

// FuzzNewest has to find, in whatever is in the file, no record, or one that is
// there with its checksums.
func FuzzNewest(f *testing.F) {
	for _, b := range [][]byte{image("a", ""), image("a", "b"), image("", "b"), image("a", large("b"))} {
		f.Add(b[:300], b[slotSize:][:300])
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		image := make([]byte, slotsSize)
		copy(image[:slotSize], a)
		copy(image[slotSize:], b)
		r, data, err := newest(image)
		if err != nil {
			return
		}
		if r.kind == kindInline && digestOf(data) != r.data {
			t.Errorf("accepted %d bytes whose digest is another", len(data))
		}
		if r.kind != kindInline && data != nil {
			t.Errorf("data of a record that has none inline")
		}
		if !bytes.Equal(r.encode(), image[:headerSize]) && !bytes.Equal(r.encode(), image[slotSize:][:headerSize]) {
			t.Errorf("found a record that is in neither slot: %+v", r)
		}
	})
}

// FuzzDecode checks that a header that is accepted is one that encode writes.
func FuzzDecode(f *testing.F) {
	f.Add(sample(1, "x").encode())
	f.Add(record{kind: kindEmpty}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		// With the checksum put right the fields behind it are reached.
		if len(b) >= headerSize {
			b = bytes.Clone(b[:headerSize])
			b = append(b[:checksumAt], sumBytes(b[:checksumAt])...)
		}
		r, err := decode(b)
		if err == nil && !bytes.Equal(r.encode(), b) {
			t.Errorf("%x decodes to %+v, which encodes to %x", b, r, r.encode())
		}
	})
}

func sumBytes(b []byte) []byte {
	sum := castagnoli(b)
	return []byte{byte(sum), byte(sum >> 8), byte(sum >> 16), byte(sum >> 24)}
}
