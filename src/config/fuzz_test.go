package config

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// FuzzParse checks that every text is either a configuration with all values in
// range, or an error that names the file, and that the memory is bounded.
func FuzzParse(f *testing.F) {
	f.Add(DefaultFile)
	for _, text := range []string{
		"", "---\n", "log: {level: info}", "limits:\n  state: 1KiB\n", "timeouts:\n  idle: 1h\n",
		"limits:\n  state: [1]\n", "log:\n\tlevel: info\n", "a: &x [*x]\n", "log: !!binary aGk=\n",
		"? log\n: level\n", "log: |\n  x\n", "%YAML 1.2\n---\nlog: {}\n", "log:\n  level: *none\n", "<<: {log: {level: info}}\n",
	} {
		f.Add([]byte(text))
	}
	for _, text := range costly() {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var c Config
		var err error
		if n := allocated(func() { c, err = Parse("conf.yaml", text) }); n > 64<<20 {
			t.Errorf("%d bytes allocated", n)
		}
		if err == nil {
			for _, k := range keys() {
				var value yaml.Node
				if err := yaml.Load([]byte(k.text(c)), &value); err != nil || !k.parse(&c, value.Content[0]) {
					t.Errorf("%s is out of range: %+v, %v", k.path, c, err)
				}
			}
			return
		}
		if !strings.HasPrefix(err.Error(), "conf.yaml:") {
			t.Errorf("the error does not name the file: %v", err)
		}
	})
}
