package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A key is a key of conf.yaml.
type key struct {
	path    string // section and name, such as "limits.state"
	value   func(*Config) value
	inRange func(*Config) bool // nil if the type allows no value out of range
	bounds  string             // the range, for the text of an error
}

// keys returns every key of conf.yaml.
func keys() []key {
	return []key{
		{path: "log.level", value: func(c *Config) value { return &c.Log.Level }},
		{path: "log.access", value: func(c *Config) value { return &c.Log.Access }},
		{path: "access.read", value: func(c *Config) value { return &c.Access.Read }},
		{path: "access.write", value: func(c *Config) value { return &c.Access.Write }},
		{path: "http.protocols", value: func(c *Config) value { return &c.HTTP.Protocols }},
		{path: "http.fast_path", value: func(c *Config) value { return &c.HTTP.FastPath }},
		sizeKey("limits.state", 1, 1<<30, func(c *Config) *Size { return &c.Limits.State }),
		sizeKey("limits.uploads", 1, 16<<30, func(c *Config) *Size { return &c.Limits.Uploads }),
		sizeKey("limits.header", 1<<10, 1<<20, func(c *Config) *Size { return &c.Limits.Header }),
		countKey("limits.requests", 1, 1_000_000, func(c *Config) *Count { return &c.Limits.Requests }),
		countKey("limits.connections", 1, 1_000_000, func(c *Config) *Count { return &c.Limits.Connections }),
		countKey("limits.per_address", 0, 1_000_000, func(c *Config) *Count { return &c.Limits.PerAddress }),
		durationKey("timeouts.header", time.Hour, func(c *Config) *Duration { return &c.Timeouts.Header }),
		durationKey("timeouts.body", 24*time.Hour, func(c *Config) *Duration { return &c.Timeouts.Body }),
		durationKey("timeouts.response", 24*time.Hour, func(c *Config) *Duration { return &c.Timeouts.Response }),
		durationKey("timeouts.idle", 24*time.Hour, func(c *Config) *Duration { return &c.Timeouts.Idle }),
		durationKey("timeouts.shutdown", time.Hour, func(c *Config) *Duration { return &c.Timeouts.Shutdown }),
	}
}

func sizeKey(path string, low, high Size, field func(*Config) *Size) key {
	return key{path, func(c *Config) value { return field(c) },
		func(c *Config) bool { return *field(c) >= low && *field(c) <= high },
		fmt.Sprintf("%s to %s", low, high)}
}

func countKey(path string, low, high Count, field func(*Config) *Count) key {
	return key{path, func(c *Config) value { return field(c) },
		func(c *Config) bool { return *field(c) >= low && *field(c) <= high },
		fmt.Sprintf("%s to %s", low, high)}
}

func durationKey(path string, high time.Duration, field func(*Config) *Duration) key {
	const low = Duration(10 * time.Millisecond)
	return key{path, func(c *Config) value { return field(c) },
		func(c *Config) bool { return *field(c) >= low && *field(c) <= Duration(high) },
		fmt.Sprintf("%s to %gh", low, high.Hours())}
}

// findKey returns the key at path.
func findKey(path string) (key, bool) {
	all := keys()
	i := slices.IndexFunc(all, func(k key) bool { return k.path == path })
	if i < 0 {
		return key{}, false
	}
	return all[i], true
}

// isSection reports whether name is the section of a key.
func isSection(name string) bool {
	return slices.ContainsFunc(keys(), func(k key) bool { return strings.HasPrefix(k.path, name+".") })
}

// listKeys returns the sections, or the keys of one section, for the text of an
// error: "read or write". An empty name lists the sections.
func listKeys(section string) string {
	prefix := ""
	if section != "" {
		prefix = section + "."
	}
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
