package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A key is a key of conf.yaml: its path, such as "limits.state", and for a
// number the range of its value.
type key struct {
	path    string
	inRange func(Config) bool // nil if the type allows no value out of range
	allowed string            // the range, as an error shows it
}

// keys returns every key of conf.yaml.
func keys() []key {
	return []key{
		{path: "log.level"},
		{path: "log.access"},
		{path: "access.read"},
		{path: "access.write"},
		sizeKey("limits.state", 1, 1<<30, func(c Config) Size { return c.Limits.State }),
		sizeKey("limits.uploads", 1, 16<<30, func(c Config) Size { return c.Limits.Uploads }),
		sizeKey("limits.header", 1<<10, 1<<20, func(c Config) Size { return c.Limits.Header }),
		{"limits.connections", func(c Config) bool {
			return c.Limits.Connections >= 1 && c.Limits.Connections <= 1_000_000
		}, "1 to 1000000"},
		durationKey("timeouts.header", time.Hour, func(c Config) Duration { return c.Timeouts.Header }),
		durationKey("timeouts.body", 24*time.Hour, func(c Config) Duration { return c.Timeouts.Body }),
		durationKey("timeouts.response", 24*time.Hour, func(c Config) Duration { return c.Timeouts.Response }),
		durationKey("timeouts.idle", 24*time.Hour, func(c Config) Duration { return c.Timeouts.Idle }),
		durationKey("timeouts.shutdown", time.Hour, func(c Config) Duration { return c.Timeouts.Shutdown }),
	}
}

func sizeKey(path string, low, high Size, value func(Config) Size) key {
	return key{path, func(c Config) bool { return value(c) >= low && value(c) <= high },
		fmt.Sprintf("%s to %s", low, high)}
}

func durationKey(path string, high time.Duration, value func(Config) Duration) key {
	const low = 10 * time.Millisecond
	return key{path, func(c Config) bool {
		d := time.Duration(value(c))
		return d >= low && d <= high
	}, fmt.Sprintf("%s to %gh", low, high.Hours())}
}

// isKey reports whether path is the path of a key.
func isKey(path string) bool {
	return slices.ContainsFunc(keys(), func(k key) bool { return k.path == path })
}

// isSection reports whether name is the first part of the path of a key.
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
