package state

import (
	"errors"
	"testing"
)

func TestChooseSource(t *testing.T) {
	some := func(data string) digest { return digestOf([]byte(data)) }
	absent := digest{}
	inline := record{kind: kindInline, data: some("new"), base: some("old")}
	first := record{kind: kindInline, data: some("new")}
	file := record{kind: kindFile, data: some("new"), base: some("old")}
	firstFile := record{kind: kindFile, data: some("new")}
	for _, c := range []struct {
		name          string
		r             record
		file, newFile digest
		want          source
		err           error
	}{
		{"nothing yet", record{}, absent, absent, sourceNone, nil},
		{"file of another program, no version yet", record{}, some("x"), absent, sourceExternal, nil},
		{"outdated", inline, some("old"), absent, sourceSlot, nil},
		{"up to date", inline, some("new"), absent, sourceSlot, nil},
		{"missing", inline, absent, absent, sourceSlot, nil},
		{"changed", inline, some("x"), absent, 0, ErrChanged},
		{"changed, newFile has the version", inline, some("x"), some("new"), 0, ErrChanged},
		{"first version, no checkpoint yet", first, absent, absent, sourceSlot, nil},
		{"first version, file of another program", first, some("x"), absent, 0, ErrChanged},
		{"large, renamed", file, some("new"), absent, sourceFile, nil},
		{"large, not renamed yet", file, some("old"), some("new"), sourceNewFile, nil},
		{"large, not renamed yet, newFile missing", file, some("old"), absent, 0, ErrChanged},
		{"large, not renamed yet, newFile changed", file, some("old"), some("x"), 0, ErrChanged},
		{"large, file changed", file, some("x"), absent, 0, ErrChanged},
		{"large, file missing", file, absent, absent, 0, ErrChanged},
		{"large, file missing, newFile has the version", file, absent, some("new"), sourceNewFile, nil},
		{"large first version, not renamed yet", firstFile, absent, some("new"), sourceNewFile, nil},
		{"large first version, both files missing", firstFile, absent, absent, 0, ErrChanged},
	} {
		got, err := chooseSource(c.r, c.file, c.newFile)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %v, %v, want %v, %v", c.name, got, err, c.want, c.err)
		}
	}
}
