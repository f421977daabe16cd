package config

import (
	"fmt"
	"reflect"
)

// A Setting is a key of conf.yaml whose value is not the default. Both values
// are in the form that conf.yaml takes.
type Setting struct{ Path, Value, Default string }

// Changed returns what c changes, in the order of Config.
func Changed(c Config) []Setting {
	var changed []Setting
	there, defaults := reflect.ValueOf(c), reflect.ValueOf(Default())
	for i := range there.NumField() {
		section := there.Type().Field(i)
		for j := range section.Type.NumField() {
			s := Setting{
				Path:    section.Tag.Get("yaml") + "." + section.Type.Field(j).Tag.Get("yaml"),
				Value:   fmt.Sprint(there.Field(i).Field(j)),
				Default: fmt.Sprint(defaults.Field(i).Field(j)),
			}
			if s.Value != s.Default {
				changed = append(changed, s)
			}
		}
	}
	return changed
}
