package state

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// slotsImage is the content of a file of slots with records of the given data,
// the second one newer; "" leaves a slot of zeros.
func slotsImage(a, b string) []byte {
	image := make([]byte, slotsSize)
	for i, data := range []string{a, b} {
		if data == "" {
			continue
		}
		slot := image[i*slotSize:]
		r := sampleRecord(uint64(i+1), data)
		copy(slot, r.encode())
		if r.kind == kindInline {
			copy(slot[headerSize:], data)
		}
	}
	return image
}

func TestNewestRecord(t *testing.T) {
	damage := func(image []byte, at int) []byte {
		image[at] ^= 1
		return image
	}
	swap := func(image []byte) []byte {
		return append(bytes.Clone(image[slotSize:]), image[:slotSize]...)
	}
	laterFormat := func() []byte {
		image := slotsImage("a", "b")
		b := image[slotSize:][:headerSize]
		b[6] = 2
		copy(b[checksumOffset:], encodedChecksum(b[:checksumOffset]))
		return image
	}
	for _, c := range []struct {
		name  string
		image []byte
		want  string
		err   error
	}{
		{"new file", slotsImage("a", ""), "a", nil},
		{"second is newer", slotsImage("a", "b"), "b", nil},
		{"first is newer", swap(slotsImage("a", "b")), "b", nil},
		{"newer one has a torn header", damage(slotsImage("a", "b"), slotSize+100), "a", nil},
		{"newer one has torn data", damage(slotsImage("a", "bbbb"), slotSize+headerSize+2), "a", nil},
		{"newer one has its header only", damage(slotsImage("a", strings.Repeat("b", inlineSize)), slotsSize-1-(4096-headerSize)), "a", nil},
		{"older one is torn", damage(slotsImage("a", "b"), 3), "b", nil},
		{"both torn", damage(damage(slotsImage("a", "b"), 3), slotSize+3), "", ErrChanged},
		{"zeros", make([]byte, slotsSize), "", ErrChanged},
		{"too short", slotsImage("a", "b")[:slotsSize-1], "", ErrChanged},
		{"empty", nil, "", ErrChanged},
		{"too long", append(slotsImage("a", "b"), 0), "", ErrChanged},
		{"later format version", laterFormat(), "", errUnknownFormat},
	} {
		_, data, err := newestRecord(c.image)
		if !errors.Is(err, c.err) || string(data) != c.want {
			t.Errorf("%s: got %.10q, %v, want %q, %v", c.name, data, err, c.want, c.err)
		}
	}
}

// TestTornWrite leaves each subset of the sectors of a write over the older slot, as a
// power cut does. The newest record is the new one if all sectors are written, and the
// record in the other slot if not.
func TestTornWrite(t *testing.T) {
	random := seededRand(t)
	const sector = 512
	for round := range 300 {
		before := slotsImage(strings.Repeat("a", random.IntN(3000)+1), strings.Repeat("b", random.IntN(3000)+1))
		torn := bytes.Clone(before)
		data := strings.Repeat("c", random.IntN(3000)+1)
		r := sampleRecord(3, data)
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

// FuzzNewest checks that whatever the file holds, newestRecord returns an error or
// a record that is in the file and has correct checksums.
func FuzzNewest(f *testing.F) {
	for _, b := range [][]byte{slotsImage("a", ""), slotsImage("a", "b"), slotsImage("", "b"), slotsImage("a", largeState("b"))} {
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
			t.Errorf("accepted %d bytes with another digest than the record's", len(data))
		}
		if r.kind != kindInline && data != nil {
			t.Errorf("returned data for a record that has none in its slot")
		}
		if !bytes.Equal(r.encode(), image[:headerSize]) && !bytes.Equal(r.encode(), image[slotSize:][:headerSize]) {
			t.Errorf("returned a record that is in neither slot: %+v", r)
		}
	})
}
