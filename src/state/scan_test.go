package state

import (
	"errors"
	"testing"
)

func TestChoose(t *testing.T) {
	some := func(data string) digest { return digestOf([]byte(data)) }
	absent := digest{}
	inline := record{kind: kindInline, data: some("new"), base: some("old")}
	first := record{kind: kindInline, data: some("new")}
	file := record{kind: kindFile, data: some("new"), base: some("old")}
	firstFile := record{kind: kindFile, data: some("new")}
	for _, c := range []struct {
		name        string
		r           record
		file, fresh digest
		want        source
		err         error
	}{
		{"nothing yet", record{}, absent, absent, sourceNone, nil},
		{"a file before any version", record{}, some("x"), absent, sourceExternal, nil},
		{"behind", inline, some("old"), absent, sourceSlot, nil},
		{"up to date", inline, some("new"), absent, sourceSlot, nil},
		{"deleted", inline, absent, absent, sourceSlot, nil},
		{"another", inline, some("x"), absent, 0, ErrChanged},
		{"another, with what would be the new one", inline, some("x"), some("new"), 0, ErrChanged},
		{"first, not yet copied", first, absent, absent, sourceSlot, nil},
		{"first, a file came from elsewhere", first, some("x"), absent, 0, ErrChanged},
		{"file in place", file, some("new"), absent, sourceFile, nil},
		{"file not renamed yet", file, some("old"), some("new"), sourceNewFile, nil},
		{"file not renamed yet, its data gone", file, some("old"), absent, 0, ErrChanged},
		{"file not renamed yet, its data changed", file, some("old"), some("x"), 0, ErrChanged},
		{"file changed", file, some("x"), absent, 0, ErrChanged},
		{"file deleted", file, absent, absent, 0, ErrChanged},
		{"file deleted, its copy there", file, absent, some("new"), sourceNewFile, nil},
		{"first file not renamed yet", firstFile, absent, some("new"), sourceNewFile, nil},
		{"first file gone", firstFile, absent, absent, 0, ErrChanged},
	} {
		got, err := chooseSource(c.r, c.file, c.fresh)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %v, %v, want %v, %v", c.name, got, err, c.want, c.err)
		}
	}
}
