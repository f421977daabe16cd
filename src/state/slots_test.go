package state

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

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
		copy(b[checksumOffset:], sumBytes(b[:checksumOffset]))
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
		{"later version", foreign(), "", errUnknownFormat},
	} {
		_, data, err := newestRecord(c.image)
		if !errors.Is(err, c.err) || string(data) != c.want {
			t.Errorf("%s: got %.10q, %v, want %q, %v", c.name, data, err, c.want, c.err)
		}
	}
}

// A write over the older slot that stops anywhere, in any order of sectors,
// leaves the one or the other record.
func TestTornWrite(t *testing.T) {
	random := seededRand(t)
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
		got, _, err := newestRecord(torn)
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
	for _, b := range [][]byte{image("a", ""), image("a", "b"), image("", "b"), image("a", largeState("b"))} {
		f.Add(b[:300], b[slotSize:][:300])
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		image := make([]byte, slotsSize)
		copy(image[:slotSize], a)
		copy(image[slotSize:], b)
		r, data, err := newestRecord(image)
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
