package config

import (
	"fmt"

	"go.yaml.in/yaml/v4"
)

// An entry is a key with its value in a mapping of the file.
type entry struct {
	name       string
	key, value *yaml.Node
}

// setAll sets in c what the file sets. It reports the first key that is unknown,
// repeated or without a value, and the first value that is not allowed.
func setAll(c *Config, root *yaml.Node) *Error {
	sections, err := entries(root)
	if err != nil {
		return err
	}
	set := map[string]*yaml.Node{}
	for _, section := range sections {
		if !isSection(section.name) {
			return errorAt(section.key, fmt.Sprintf("unknown key %.40q: allowed is %s", section.name, listKeys("")))
		}
		if err := setSection(c, section, set); err != nil {
			return err
		}
	}
	return checkUploads(c, set)
}

// setSection sets the keys of one section, and notes their values by path.
func setSection(c *Config, section entry, set map[string]*yaml.Node) *Error {
	// All keys of the section may be commented out.
	if isNull(section.value) {
		return nil
	}
	if !isMapping(section.value) {
		return errorAt(section.key, fmt.Sprintf("%s: allowed is a mapping with %s", section.name, listKeys(section.name)))
	}
	all, err := entries(section.value)
	if err != nil {
		return err
	}
	for _, e := range all {
		path := section.name + "." + e.name
		k, ok := findKey(path)
		if !ok {
			return errorAt(e.key, fmt.Sprintf("unknown key %.40q: allowed is %s", path, listKeys(section.name)))
		}
		if err := setKey(c, k, e); err != nil {
			return err
		}
		set[path] = e.value
	}
	return nil
}

func setKey(c *Config, k key, e entry) *Error {
	// The author may have meant zero or the default.
	if isNull(e.value) {
		return errorAt(e.key, fmt.Sprintf("%s has no value: set one, or remove the key to use the default", k.path))
	}
	v := k.value(c)
	if !v.parse(e.value) {
		return errorAt(e.value, fmt.Sprintf("%s: allowed is %s", k.path, v.allowed()))
	}
	if k.inRange != nil && !k.inRange(c) {
		return errorAt(e.value, fmt.Sprintf("%s: allowed is %s", k.path, k.bounds))
	}
	return nil
}

// checkUploads reports limits.uploads below limits.state. The defaults are not,
// so the file has at least one of the two.
func checkUploads(c *Config, set map[string]*yaml.Node) *Error {
	if c.Limits.Uploads >= c.Limits.State {
		return nil
	}
	path := "limits.uploads"
	if set[path] == nil {
		path = "limits.state"
	}
	return errorAt(set[path], fmt.Sprintf("%s: limits.uploads must be at least limits.state, or a state of that size could not be uploaded", path))
}

// entries returns the entries of a mapping. Aliases are resolved.
func entries(mapping *yaml.Node) ([]entry, *Error) {
	var all []entry
	first := map[string]*yaml.Node{}
	for i := 0; i < len(mapping.Content); i += 2 {
		key := mapping.Content[i]
		name := resolveAlias(key)
		if name.Kind != yaml.ScalarNode {
			return nil, errorAt(key, "a key must be a plain or quoted text")
		}
		if other := first[name.Value]; other != nil {
			return nil, errorAt(key, fmt.Sprintf("repeated key %.40q: the first one is at %d:%d", name.Value, other.Line, other.Column))
		}
		first[name.Value] = key
		all = append(all, entry{name.Value, key, resolveAlias(mapping.Content[i+1])})
	}
	return all, nil
}
