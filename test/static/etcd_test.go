package static

import (
	"slices"
	"strings"
	"testing"

	"foobar/test/directives"
)

// etcdDropIns are the drop-ins of foobar-etcd by the units whose binary they replace.
var etcdDropIns = map[string]string{
	"foobar.service":                    "foobar.service.d/15-etcd.conf",
	"foobar@.service":                   "foobar@.service.d/15-etcd.conf",
	"foobar-credentials-check@.service": "foobar-credentials-check@.service.d/15-etcd.conf",
}

// TestEtcdDropIns compares what the drop-ins of foobar-etcd replace with the units:
// they mount the same files but for the binary.
func TestEtcdDropIns(t *testing.T) {
	for unit, dropIn := range etcdDropIns {
		want := []string{""} // empties the list
		for _, bind := range values(parse(t, unit), "BindReadOnlyPaths") {
			want = append(want, strings.Replace(bind, "/usr/bin/foobar:", "/usr/bin/foobar-etcd:", 1))
		}
		if got := values(parse(t, dropIn), "BindReadOnlyPaths"); !slices.Equal(got, want) {
			t.Errorf("%s has BindReadOnlyPaths=%q, want %q", dropIn, got, want)
		}
	}
}

// values returns the values of a directive, in order.
func values(all []directives.Directive, name string) []string {
	var found []string
	for _, d := range all {
		if d.Name == name {
			found = append(found, d.Values...)
		}
	}
	return found
}
