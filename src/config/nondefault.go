package config

import (
	"fmt"
	"reflect"
	"slices"
)

// A Setting is a key of conf.yaml with its value and its default, both as
// conf.yaml takes them.
type Setting struct{ Path, Value, Default string }

// NonDefault returns the settings of c that differ from the default, in the
// order of the fields of Config.
func NonDefault(c Config) []Setting {
	return slices.DeleteFunc(settings(c), func(s Setting) bool { return s.Value == s.Default })
}

func settings(c Config) []Setting {
	var all []Setting
	current, defaults := reflect.ValueOf(c), reflect.ValueOf(Default())
	for i := range current.NumField() {
		section := current.Type().Field(i)
		for j := range section.Type.NumField() {
			all = append(all, Setting{
				Path:    section.Tag.Get("yaml") + "." + section.Type.Field(j).Tag.Get("yaml"),
				Value:   fmt.Sprint(current.Field(i).Field(j)),
				Default: fmt.Sprint(defaults.Field(i).Field(j)),
			})
		}
	}
	return all
}
