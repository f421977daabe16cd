package api

import (
	"slices"
	"strconv"
	"strings"

	"foobar/src/state"
)

// maxETags is how many entity tags a field may have: what is compared for a request
// is in proportion to its bytes.
const maxETags = 100

// etags returns the entity tags in If-Match or If-None-Match, RFC 9110, section
// 13.1: "*", or a list, and nil where the field is absent. A malformed tag, or one
// too many, ends the list as "", which is the tag of no version. Weak tags keep
// their W/.
func etags(f Field) []string {
	if !f.Present {
		return nil
	}
	if strings.TrimSpace(f.Value) == "*" {
		return []string{"*"}
	}
	list := []string{}
	for rest := strings.TrimLeft(f.Value, " \t,"); rest != ""; rest = strings.TrimLeft(rest, " \t,") {
		var tag string
		tag, rest = cutETag(rest)
		if len(list) == maxETags {
			return append(list, "")
		}
		list = append(list, tag)
	}
	return list
}

// cutETag splits text after the entity tag that it begins with, RFC 9110, section
// 8.8.3. Both are empty if there is none, or if no comma or end follows it.
func cutETag(text string) (tag, rest string) {
	quoted, opened := strings.CutPrefix(strings.TrimPrefix(text, "W/"), `"`)
	opaque, after, closed := strings.Cut(quoted, `"`)
	rest = strings.TrimLeft(after, " \t")
	invalid := func(c rune) bool { return c <= ' ' || c == 0x7f }
	if !opened || !closed || strings.ContainsFunc(opaque, invalid) || rest != "" && rest[0] != ',' {
		return "", ""
	}
	return text[:len(text)-len(after)], rest
}

// ifMatch evaluates If-Match, RFC 9110, section 13.1.1. A nil list is an absent
// field, a nil version none.
func ifMatch(list []string, v *state.Version) bool {
	return list == nil || v != nil && (slices.Contains(list, "*") || slices.Contains(list, v.ETag))
}

// ifNoneMatch evaluates If-None-Match, which compares weak tags like strong ones,
// RFC 9110, section 13.1.2.
func ifNoneMatch(list []string, v *state.Version) bool {
	return v == nil || !slices.ContainsFunc(list, func(tag string) bool {
		return tag == "*" || strings.TrimPrefix(tag, "W/") == v.ETag
	})
}

// condition returns the conditions of a write as the Store takes them. An empty or
// malformed field is an error: without it, the write would have no condition.
func condition(r *Request) (state.Condition, error) {
	match, noneMatch := etags(r.IfMatch), etags(r.IfNoneMatch)
	malformed := func(list []string) bool {
		return list != nil && (len(list) == 0 || slices.Contains(list, ""))
	}
	switch {
	case malformed(match):
		return nil, badCondition("If-Match")
	case malformed(noneMatch):
		return nil, badCondition("If-None-Match")
	}
	return func(v *state.Version) bool { return ifMatch(match, v) && ifNoneMatch(noneMatch, v) }, nil
}

// parseRange parses "bytes=first-last", "bytes=first-" and "bytes=-length",
// RFC 9110, section 14.1.2, for a body of size bytes. Everything else is not ok;
// first is greater than last if the range is outside the body.
func parseRange(header string, size int64) (first, last int64, ok bool) {
	unit, spec, _ := strings.Cut(header, "=")
	from, to, found := strings.Cut(strings.TrimSpace(spec), "-")
	if !found || !strings.EqualFold(unit, "bytes") {
		return 0, 0, false
	}
	first, fromErr := parseDigits(from)
	last, toErr := parseDigits(to)
	switch {
	case from == "" && toErr == nil:
		return max(0, size-last), size - 1, true
	case to == "" && fromErr == nil:
		return first, size - 1, true
	}
	return first, min(last, size-1), fromErr == nil && toErr == nil && first <= last
}

// parseDigits parses decimal digits, without a sign or space.
func parseDigits(text string) (int64, error) {
	n, err := strconv.ParseUint(text, 10, 63)
	return int64(n), err
}
