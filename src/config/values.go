package config

import (
	"fmt"
	"strconv"
	"strings"

	"go.uber.org/zap/zapcore"
	"go.yaml.in/yaml/v4"
)

// A value is a pointer to a field of Config. Its String returns the value as
// conf.yaml takes it.
type value interface {
	fmt.Stringer
	// parse sets the value and reports whether the node has an allowed one.
	parse(*yaml.Node) bool
	// allowed returns which values are allowed, for the text of an error.
	allowed() string
}

// stringValue returns the value of a node that is a string, and "" for every
// other node, which no type of a value allows.
func stringValue(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
		return ""
	}
	return n.Value
}

// Level is the least severe level that is logged: debug, info, warn or error.
type Level zapcore.Level

func (l *Level) parse(n *yaml.Node) bool {
	levels := map[string]zapcore.Level{
		"debug": zapcore.DebugLevel,
		"info":  zapcore.InfoLevel,
		"warn":  zapcore.WarnLevel,
		"error": zapcore.ErrorLevel,
	}
	level, ok := levels[stringValue(n)]
	*l = Level(level)
	return ok
}

func (*Level) allowed() string { return "debug, info, warn or error" }

// String returns the level as conf.yaml takes it.
func (l Level) String() string { return zapcore.Level(l).String() }

// Bool is true or false. The spellings of YAML 1.1, such as yes and on, are
// errors.
type Bool bool

func (b *Bool) parse(n *yaml.Node) bool {
	if n.ShortTag() != "!!bool" {
		return false
	}
	*b = Bool(strings.EqualFold(n.Value, "true"))
	return bool(*b) || strings.EqualFold(n.Value, "false")
}

func (*Bool) allowed() string { return "true or false" }

// String returns "true" or "false".
func (b Bool) String() string { return strconv.FormatBool(bool(b)) }
