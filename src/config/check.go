package config

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// checkKeys reports the first key that is unknown or has no value. The YAML
// library would set a key without a value to zero, and not to its default.
func checkKeys(file string, root *ast.MappingNode) error {
	for _, section := range root.Values {
		name := section.Key.String()
		if !isSection(name) {
			return errorAt(file, section.Key, fmt.Sprintf("unknown key %q: allowed is %s", name, listKeys("")))
		}
		body, ok := section.Value.(*ast.MappingNode)
		if !ok {
			return errorAt(file, section.Key, fmt.Sprintf("%s: allowed is a mapping with %s", name, listKeys(name)))
		}
		if err := checkSection(file, name, body); err != nil {
			return err
		}
	}
	return nil
}

func checkSection(file, section string, body *ast.MappingNode) error {
	for _, entry := range body.Values {
		path := section + "." + entry.Key.String()
		if !isKey(path) {
			return errorAt(file, entry.Key, fmt.Sprintf("unknown key %q: allowed is %s", path, listKeys(section)))
		}
		if _, empty := entry.Value.(*ast.NullNode); empty {
			return errorAt(file, entry.Key, fmt.Sprintf("%s has no value: set one, or remove the key to use the default", path))
		}
	}
	return nil
}

// checkRanges reports the first value that is out of range, or that contradicts
// another value.
func checkRanges(file string, root *ast.MappingNode, c Config) error {
	for _, k := range keys() {
		if k.inRange == nil || k.inRange(c) {
			continue
		}
		return errorAt(file, valueAt(root, k.path), fmt.Sprintf("%s: allowed is %s", k.path, k.allowed))
	}
	if c.Limits.Uploads >= c.Limits.State {
		return nil
	}
	// The defaults do not contradict each other, so the file has one of the two.
	for _, path := range []string{"limits.uploads", "limits.state"} {
		if n := valueAt(root, path); n != nil {
			return errorAt(file, n, fmt.Sprintf("%s: limits.uploads must be at least limits.state, or a state of that size could not be uploaded", path))
		}
	}
	return nil
}

// valueAt returns the value at path, or nil if the file does not have it.
func valueAt(n ast.Node, path string) ast.Node {
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
			return valueAt(v.Value, rest)
		}
		return v.Value
	}
	return nil
}
