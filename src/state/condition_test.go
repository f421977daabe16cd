package state

import (
	"testing"
)

func TestConditions(t *testing.T) {
	v := newVersion([]byte("x"))
	for _, c := range []struct {
		name   string
		c      Condition
		empty  bool // holds before the first write
		exists bool // holds for v
	}{
		{"none", Condition{}, true, true},
		{"If-Match *", Condition{IfMatch: []string{"*"}}, false, true},
		{"If-Match its tag", Condition{IfMatch: []string{`"a"`, v.ETag}}, false, true},
		{"If-Match another", Condition{IfMatch: []string{`"a"`}}, false, false},
		{"If-Match weak", Condition{IfMatch: []string{"W/" + v.ETag}}, false, false},
		{"If-Match nothing", Condition{IfMatch: []string{}}, false, false},
		{"If-None-Match *", Condition{IfNoneMatch: []string{"*"}}, true, false},
		{"If-None-Match its tag", Condition{IfNoneMatch: []string{`"a"`, v.ETag}}, true, false},
		{"If-None-Match weak", Condition{IfNoneMatch: []string{"W/" + v.ETag}}, true, false},
		{"If-None-Match another", Condition{IfNoneMatch: []string{`"a"`}}, true, true},
		{"both, first fails", Condition{IfMatch: []string{`"a"`}, IfNoneMatch: []string{`"a"`}}, false, false},
		{"both hold", Condition{IfMatch: []string{"*"}, IfNoneMatch: []string{`"a"`}}, false, true},
	} {
		if got := c.c.Holds(nil); got != c.empty {
			t.Errorf("%s: holds before the first write: %v", c.name, got)
		}
		if got := c.c.Holds(v); got != c.exists {
			t.Errorf("%s: holds: %v", c.name, got)
		}
	}
}
