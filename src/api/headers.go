package api

import (
	"iter"
	"strconv"
	"strings"

	"foobar/src/state"
)

// etags yields the entity tags in the value of If-Match or If-None-Match, RFC
// 9110, section 13.1: "*", or a list. A malformed tag ends the list as "", and
// matches nothing. Weak tags keep their W/.
func etags(header string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if strings.TrimSpace(header) == "*" {
			yield("*")
			return
		}
		for rest := header; ; {
			rest = strings.TrimLeft(rest, " \t,")
			if rest == "" {
				return
			}
			tag, after := cutETag(rest)
			if !yield(tag) || tag == "" {
				return
			}
			rest = after
		}
	}
}

// cutETag splits text after the entity tag that it begins with, RFC 9110, section
// 8.8.3. The tag is empty if there is none, or if no comma or end follows it.
func cutETag(text string) (tag, rest string) {
	opaque := strings.TrimPrefix(text, "W/")
	if !strings.HasPrefix(opaque, `"`) {
		return "", ""
	}
	end := strings.IndexByte(opaque[1:], '"')
	if end < 0 {
		return "", ""
	}
	length := len(text) - len(opaque) + end + 2
	tag, rest = text[:length], strings.TrimLeft(text[length:], " \t")
	invalid := func(c rune) bool { return c <= ' ' || c == 0x7f }
	if strings.ContainsFunc(tag, invalid) || rest != "" && rest[0] != ',' {
		return "", ""
	}
	return tag, rest
}

// matchesStrongly compares as If-Match does, RFC 9110, section 8.8.3.2.
func matchesStrongly(header string, v *state.Version) bool {
	for tag := range etags(header) {
		if v != nil && (tag == "*" || tag == v.ETag) {
			return true
		}
	}
	return false
}

// matchesWeakly compares as If-None-Match does, RFC 9110, section 8.8.3.2.
func matchesWeakly(header string, v *state.Version) bool {
	for tag := range etags(header) {
		if v != nil && (tag == "*" || strings.TrimPrefix(tag, "W/") == v.ETag) {
			return true
		}
	}
	return false
}

// maxETags is how many entity tags a field of a write may have.
const maxETags = 100

// condition returns the conditions of a write as the Store takes them.
func condition(r *Request) (c state.Condition, err error) {
	if c.IfMatch, err = etagList("If-Match", r.IfMatch); err != nil {
		return c, err
	}
	c.IfNoneMatch, err = etagList("If-None-Match", r.IfNoneMatch)
	return c, err
}

// etagList returns the entity tags of a field, nil where it is absent. An empty or
// malformed field is an error: without it, the write would have no condition.
func etagList(name string, f Field) (list []string, err error) {
	for tag := range etags(f.Value) {
		if list = append(list, tag); tag == "" || len(list) > maxETags {
			return nil, badCondition(name)
		}
	}
	if f.Present && list == nil {
		return nil, badCondition(name)
	}
	return list, nil
}

// parseRange parses "bytes=first-last", "bytes=first-" and "bytes=-length",
// RFC 9110, section 14.1.2, for a body of size bytes. Everything else is not ok;
// first is greater than last if the range is outside the body.
func parseRange(header string, size int64) (first, last int64, ok bool) {
	unit, spec, found := strings.Cut(header, "=")
	if !found || !strings.EqualFold(unit, "bytes") {
		return 0, 0, false
	}
	from, to, found := strings.Cut(strings.TrimSpace(spec), "-")
	if !found {
		return 0, 0, false
	}
	if from == "" {
		length, ok := parseDigits(to)
		if !ok {
			return 0, 0, false
		}
		return max(0, size-length), size - 1, true
	}
	first, ok = parseDigits(from)
	if !ok {
		return 0, 0, false
	}
	if to == "" {
		return first, size - 1, true
	}
	last, ok = parseDigits(to)
	if !ok || last < first {
		return 0, 0, false
	}
	return first, min(last, size-1), true
}

// parseDigits parses decimal digits, without a sign or space.
func parseDigits(text string) (int64, bool) {
	n, err := strconv.ParseUint(text, 10, 63)
	return int64(n), err == nil
}
