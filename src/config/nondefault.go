package config

import "slices"

// A Setting is a key of conf.yaml with its value and its default, both as
// conf.yaml takes them.
type Setting struct{ Path, Value, Default string }

// NonDefault returns the settings of c that differ from the default, in the
// order of conf.yaml.
func NonDefault(c Config) []Setting {
	return slices.DeleteFunc(settings(c), func(s Setting) bool { return s.Value == s.Default })
}

// settings returns all settings of c.
func settings(c Config) []Setting {
	var all []Setting
	defaults := Default()
	for _, k := range keys() {
		all = append(all, Setting{k.path, k.value(&c).String(), k.value(&defaults).String()})
	}
	return all
}
