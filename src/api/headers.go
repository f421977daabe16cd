package api

import (
	"iter"
	"slices"
	"strconv"
	"strings"

	"foobar/src/state"
)

// etags yields the entity tags in the value of If-Match or If-None-Match, RFC
// 9110, section 13.1: "*", or a list. A malformed tag ends the list, and matches
// nothing. Weak tags keep their W/.
func etags(header string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if strings.TrimSpace(header) == "*" {
			yield("*")
			return
		}
		for rest := header; ; {
			rest = strings.TrimLeft(rest, " \t,")
			tag, after, ok := cutETag(rest)
			if !ok || !yield(tag) {
				return
			}
			rest = after
		}
	}
}

// cutETag splits text after the entity tag that it begins with.
func cutETag(text string) (tag, rest string, ok bool) {
	opaque := strings.TrimPrefix(text, "W/")
	if !strings.HasPrefix(opaque, `"`) {
		return "", "", false
	}
	end := strings.IndexByte(opaque[1:], '"')
	if end < 0 {
		return "", "", false
	}
	length := len(text) - len(opaque) + end + 2
	return text[:length], text[length:], true
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

// condition returns the conditions of a write as the Store takes them. A field
// without a tag is a list that nothing matches.
func condition(r *Request) state.Condition {
	var c state.Condition
	if r.IfMatch != "" {
		c.IfMatch = slices.AppendSeq([]string{}, etags(r.IfMatch))
	}
	if r.IfNoneMatch != "" {
		for tag := range etags(r.IfNoneMatch) {
			c.IfNoneMatch = append(c.IfNoneMatch, strings.TrimPrefix(tag, "W/"))
		}
	}
	return c
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
