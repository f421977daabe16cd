package api

import (
	"slices"
	"strings"
	"testing"

	"foobar/src/state"
)

// FuzzRange wants each accepted range to lie in the body.
func FuzzRange(f *testing.F) {
	for _, text := range []string{"bytes=0-1", "bytes=5-", "bytes=-5", "bytes=-0", "bytes=0-1,2-3", "bytes= 0-1", "bytes=9223372036854775807-", "lines=1-2", "bytes=--1"} {
		f.Add(text, int64(10))
	}
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size < 0 || size > 1<<30 {
			return
		}
		first, last, ok := parseRange(header, size)
		if !ok || first > last {
			return
		}
		if first < 0 || last >= size {
			t.Errorf("%q of %d bytes is %d to %d", header, size, first, last)
		}
	})
}

// FuzzETags wants each parsed tag to be an entity tag of the field, and each entity tag of
// the field to be parsed.
func FuzzETags(f *testing.F) {
	for _, text := range []string{"*", `"a"`, `W/"a", "b"`, `"a`, `a`, `"a""b"`, `,,"a",`, `W/`, `"a,b"`} {
		f.Add(text)
	}
	v := &state.Version{ETag: `"0123456789abcdef"`}
	f.Fuzz(func(t *testing.T, header string) {
		tags := etags(Field{true, header})
		for _, tag := range tags {
			opaque := strings.TrimPrefix(tag, "W/")
			if tag == "" {
				continue // the end of a malformed list
			}
			if tag != "*" && (len(opaque) < 2 || opaque[0] != '"' || opaque[len(opaque)-1] != '"' || strings.Count(opaque, `"`) != 2) {
				t.Errorf("%q in %q is no entity tag", tag, header)
			}
			if !strings.Contains(header, tag) {
				t.Errorf("%q is not in %q", tag, header)
			}
		}
		if !slices.Contains(tags, v.ETag) && ifMatch(tags, v) && strings.TrimSpace(header) != "*" {
			t.Errorf("%q matches without the tag", header)
		}
	})
}
