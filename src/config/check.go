package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// A key is one leaf of conf.yaml: its path, and for numbers the range that its
// value must lie in.
type key struct {
	path    string
	inRange func(Config) bool
	allowed string
}

// keys lists every key of conf.yaml.
func keys() []key {
	return []key{
		{path: "log.level"},
		{path: "log.access"},
		{path: "access.read"},
		{path: "access.write"},
		size("limits.state", 1, 1<<30, func(c Config) Size { return c.Limits.State }),
		size("limits.uploads", 1, 16<<30, func(c Config) Size { return c.Limits.Uploads }),
		size("limits.header", 1<<10, 1<<20, func(c Config) Size { return c.Limits.Header }),
		{"limits.connections", func(c Config) bool {
			return c.Limits.Connections >= 1 && c.Limits.Connections <= 1_000_000
		}, "1 to 1000000"},
		duration("timeouts.header", time.Hour, func(c Config) Duration { return c.Timeouts.Header }),
		duration("timeouts.body", 24*time.Hour, func(c Config) Duration { return c.Timeouts.Body }),
		duration("timeouts.response", 24*time.Hour, func(c Config) Duration { return c.Timeouts.Response }),
		duration("timeouts.idle", 24*time.Hour, func(c Config) Duration { return c.Timeouts.Idle }),
		duration("timeouts.shutdown", time.Hour, func(c Config) Duration { return c.Timeouts.Shutdown }),
	}
}

func size(path string, low, high Size, get func(Config) Size) key {
	return key{path, func(c Config) bool { return get(c) >= low && get(c) <= high },
		fmt.Sprintf("%s to %s", low, high)}
}

func duration(path string, high time.Duration, get func(Config) Duration) key {
	const low = 10 * time.Millisecond
	return key{path, func(c Config) bool {
		d := time.Duration(get(c))
		return d >= low && d <= high
	}, fmt.Sprintf("%s to %gh", low, high.Hours())}
}

// checkRanges reports the first value that is out of range, or at odds with
// another.
func checkRanges(name string, root *ast.MappingNode, c Config) error {
	for _, k := range keys() {
		if k.inRange == nil || k.inRange(c) {
			continue
		}
		return at(name, find(root, k.path), fmt.Sprintf("%s: allowed is %s", k.path, k.allowed))
	}
	if c.Limits.Uploads >= c.Limits.State {
		return nil
	}
	// One of the two is in the file, or the defaults would be at odds.
	for _, path := range []string{"limits.uploads", "limits.state"} {
		if n := find(root, path); n != nil {
			return at(name, n, fmt.Sprintf("%s: limits.uploads must be at least limits.state, or no state of that size could be stored", path))
		}
	}
	return nil
}

// checkKeys reports the first key that is unknown, or that is empty: the YAML
// library would set an empty one to zero, and a person may have meant the
// default.
func checkKeys(name string, root *ast.MappingNode) error {
	for _, section := range root.Values {
		path := section.Key.String()
		if !known(path + ".") {
			return at(name, section.Key, fmt.Sprintf("unknown key %q: allowed is %s", path, keyList("")))
		}
		body, ok := section.Value.(*ast.MappingNode)
		if !ok {
			return at(name, section.Key, fmt.Sprintf("%s: allowed is a mapping with %s", path, keyList(path+".")))
		}
		if err := checkSection(name, path, body); err != nil {
			return err
		}
	}
	return nil
}

func checkSection(name, section string, body *ast.MappingNode) error {
	for _, entry := range body.Values {
		path := section + "." + entry.Key.String()
		if !slices.ContainsFunc(keys(), func(k key) bool { return k.path == path }) {
			return at(name, entry.Key, fmt.Sprintf("unknown key %q: allowed is %s", path, keyList(section+".")))
		}
		if _, empty := entry.Value.(*ast.NullNode); empty {
			return at(name, entry.Key, fmt.Sprintf("%s has no value: give one, or leave the key out for the default", path))
		}
	}
	return nil
}

func known(prefix string) bool {
	return slices.ContainsFunc(keys(), func(k key) bool { return strings.HasPrefix(k.path, prefix) })
}

// keyList names the keys one level below prefix, for an error's text.
func keyList(prefix string) string {
	var names []string
	for _, k := range keys() {
		rest, ok := strings.CutPrefix(k.path, prefix)
		first, _, _ := strings.Cut(rest, ".")
		if ok && !slices.Contains(names, first) {
			names = append(names, first)
		}
	}
	last := len(names) - 1
	if last == 0 {
		return names[0]
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// find returns the value at path, or nil.
func find(n ast.Node, path string) ast.Node {
	first, rest, deeper := strings.Cut(path, ".")
	m, ok := n.(*ast.MappingNode)
	if !ok {
		return nil
	}
	for _, v := range m.Values {
		if v.Key.String() != first {
			continue
		}
		if deeper {
			return find(v.Value, rest)
		}
		return v.Value
	}
	return nil
}
