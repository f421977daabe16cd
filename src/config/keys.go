package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap/zapcore"
	"go.yaml.in/yaml/v4"
)

// A key is a key of conf.yaml.
type key struct {
	path    string // section and name, such as "limits.state"
	allowed string // the allowed values, for the text of an error
	// parse sets the value, and reports whether the node has an allowed one.
	parse func(*Config, *yaml.Node) bool
	// text returns the value as conf.yaml takes it.
	text func(Config) string
}

// keys returns every key of conf.yaml.
func keys() []key {
	rules := []AccessRule{Anyone, Token, Certificate, Both, Nobody}
	return append([]key{
		choice("log.level", "!!str", func(c *Config) *zapcore.Level { return &c.Log.Level },
			zapcore.DebugLevel, zapcore.InfoLevel, zapcore.WarnLevel, zapcore.ErrorLevel),
		choice("log.access", "!!bool", func(c *Config) *bool { return &c.Log.Access }, true, false),
		choice("access.read", "!!str", func(c *Config) *AccessRule { return &c.Access.Read }, rules...),
		choice("access.write", "!!str", func(c *Config) *AccessRule { return &c.Access.Write }, rules...),
		choice("access.health", "!!str", func(c *Config) *AccessRule { return &c.Access.Health }, rules...),
		choice("http.protocols", "!!seq", func(c *Config) *Protocols { return &c.HTTP.Protocols },
			"[http/1.1, h2]", "[h2, http/1.1]", "[http/1.1]", "[h2]"),
		choice("http.fast_path", "!!bool", func(c *Config) *bool { return &c.HTTP.FastPath }, true, false),
		inRange("limits.state", 1, 1<<30, parseSize, func(c *Config) *Size { return &c.Limits.State }),
		inRange("limits.uploads", 1, 16<<30, parseSize, func(c *Config) *Size { return &c.Limits.Uploads }),
		inRange("limits.header", 1<<10, 1<<20, parseSize, func(c *Config) *Size { return &c.Limits.Header }),
		inRange("limits.requests", 1, 1_000_000, wholeNumber, func(c *Config) *int { return &c.Limits.Requests }),
		inRange("limits.connections", 1, 1_000_000, wholeNumber, func(c *Config) *int { return &c.Limits.Connections }),
		inRange("limits.per_address", 0, 1_000_000, wholeNumber, func(c *Config) *int { return &c.Limits.PerAddress }),
		timeout("timeouts.header", time.Hour, func(c *Config) *Duration { return &c.Timeouts.Header }),
		timeout("timeouts.body", 24*time.Hour, func(c *Config) *Duration { return &c.Timeouts.Body }),
		timeout("timeouts.response", 24*time.Hour, func(c *Config) *Duration { return &c.Timeouts.Response }),
		timeout("timeouts.idle", 24*time.Hour, func(c *Config) *Duration { return &c.Timeouts.Idle }),
		timeout("timeouts.shutdown", time.Hour, func(c *Config) *Duration { return &c.Timeouts.Shutdown }),
	}, clusterKeys()...)
}

// choice returns a key that has one of some values, which fmt.Sprint returns as
// conf.yaml takes them. Tag is their YAML type.
func choice[T any](path, tag string, field func(*Config) *T, values ...T) key {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = fmt.Sprint(v)
	}
	parse := func(c *Config, n *yaml.Node) bool {
		i := slices.Index(texts, text(n, tag))
		if i < 0 {
			return false
		}
		*field(c) = values[i]
		return true
	}
	return key{path, listWords(texts), parse, func(c Config) string { return fmt.Sprint(*field(&c)) }}
}

// inRange returns a key that has a value of a range.
func inRange[T int | Size | Duration](path string, low, high T, value func(*yaml.Node) (T, bool), field func(*Config) *T) key {
	parse := func(c *Config, n *yaml.Node) bool {
		v, ok := value(n)
		*field(c) = v
		return ok && v >= low && v <= high
	}
	return key{path, fmt.Sprintf("%v to %v", low, high), parse, func(c Config) string { return fmt.Sprint(*field(&c)) }}
}

func timeout(path string, high time.Duration, field func(*Config) *Duration) key {
	return inRange(path, Duration(10*time.Millisecond), Duration(high), parseDuration, field)
}

// listWords returns words as the text of an error has them: "read or write".
func listWords(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// A Setting is a key of conf.yaml with its value and its default, both as
// conf.yaml takes them.
type Setting struct{ Path, Value, Default string }

// NonDefault returns the settings of c that differ from the default, in the
// order of conf.yaml.
func NonDefault(c Config) []Setting {
	var all []Setting
	defaults := Default()
	for _, k := range keys() {
		if s := (Setting{k.path, k.text(c), k.text(defaults)}); s.Value != s.Default {
			all = append(all, s)
		}
	}
	return all
}
