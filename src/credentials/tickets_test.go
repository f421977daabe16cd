package credentials

import (
	"slices"
	"testing"
	"time"
)

// TestTicketKeys compares the keys of two times and of two certificates.
func TestTicketKeys(t *testing.T) {
	ca := issueCA(t, "authority", nil)
	server := issue(t, "foobar.example", &ca, nil, nil)
	load := func(s signed) *Set {
		set, err := Load(writeFiles(t, certPEM(s), keyPEM(t, s.key)))
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	set := load(server)
	noon := time.Date(2026, 2, 28, 12, 0, 0, 0, time.UTC)
	keys := set.TicketKeys(noon)
	if len(keys) != 3 || keys[0] == keys[1] || keys[1] == keys[2] || keys[0] == keys[2] || slices.Contains(keys, [32]byte{}) {
		t.Fatalf("the keys are not three different ones: %x", keys)
	}
	for name, c := range map[string]struct {
		other *Set
		now   time.Time
		want  bool // the other accepts the tickets of keys[0]
	}{
		"the same files":              {load(server), noon, true},
		"later that day":              {set, noon.Add(11 * time.Hour), true},
		"the next day":                {set, noon.Add(24 * time.Hour), true},
		"a clock a day behind":        {set, noon.Add(-24 * time.Hour), true},
		"two days later":              {set, noon.Add(48 * time.Hour), false},
		"another certificate":         {load(issue(t, "foobar.example", &ca, nil, nil)), noon, false},
		"a renewed one, the same key": {load(issue(t, "foobar.example", &ca, server.key, nil)), noon, false},
	} {
		if got := slices.Contains(c.other.TicketKeys(c.now), keys[0]); got != c.want {
			t.Errorf("%s: the tickets are accepted: %v, want %v", name, got, c.want)
		}
	}
	if local := set.TicketKeys(noon.In(time.FixedZone("", 14*3600))); !slices.Equal(local, keys) {
		t.Error("the keys depend on the time zone")
	}
	if keys := (&Set{}).TicketKeys(noon); keys != nil {
		t.Errorf("without a private key, the keys are %x", keys)
	}
}
