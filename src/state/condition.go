package state

import "strings"

// A Condition restricts the current version that a write may replace. The zero
// Condition allows every version.
type Condition struct {
	// IfMatch, if not nil, lists entity tags, one of which must be that of the
	// current version; "*" stands for any version. Weak tags never match
	// (RFC 9110, section 13.1.1).
	IfMatch []string
	// IfNoneMatch, if not nil, lists entity tags, none of which may be that of
	// the current version; "*" requires that there is no version. A weak tag is
	// compared like a strong one (RFC 9110, section 13.1.2).
	IfNoneMatch []string
}

// Holds reports whether v satisfies the condition. A nil v means that nothing
// has been written yet.
func (c Condition) Holds(v *Version) bool {
	if c.IfMatch != nil && !matchesAny(c.IfMatch, v, false) {
		return false
	}
	return c.IfNoneMatch == nil || !matchesAny(c.IfNoneMatch, v, true)
}

func matchesAny(tags []string, v *Version, weak bool) bool {
	if v == nil {
		return false
	}
	for _, tag := range tags {
		if weak {
			tag = strings.TrimPrefix(tag, "W/")
		}
		if tag == "*" || tag == v.ETag {
			return true
		}
	}
	return false
}
