package state

import "strings"

// A Condition says on which version a write may follow. The zero Condition
// allows any.
type Condition struct {
	// IfMatch, if not nil, lists the tags of which the current version must
	// have one; "*" stands for any version at all. Weak tags never match
	// (RFC 9110, section 13.1.1).
	IfMatch []string
	// IfNoneMatch, if not nil, lists tags that the current version must not
	// have; "*" means that there must be no version. A weak tag counts as the
	// strong one (RFC 9110, section 13.1.2).
	IfNoneMatch []string
}

// Holds says whether the condition is met by v, which is nil if there is no
// version yet.
func (c Condition) Holds(v *Version) bool {
	if c.IfMatch != nil && !matches(c.IfMatch, v, false) {
		return false
	}
	return c.IfNoneMatch == nil || !matches(c.IfNoneMatch, v, true)
}

func matches(tags []string, v *Version, weak bool) bool {
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
