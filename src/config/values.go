package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"go.uber.org/zap/zapcore"
)

// Level is the least severe level that is logged.
type Level zapcore.Level

// AccessRule says whom an access rule lets in.
type AccessRule string

// The values of Who.
const (
	Anyone      AccessRule = "anyone"
	Token       AccessRule = "token"
	Certificate AccessRule = "certificate"
	Both        AccessRule = "both" // Token and Certificate
	Nobody      AccessRule = "nobody"
)

// NeedsToken says whether it takes the token.
func (w AccessRule) NeedsToken() bool { return w == Token || w == Both }

// NeedsCertificate says whether it takes a client certificate.
func (w AccessRule) NeedsCertificate() bool { return w == Certificate || w == Both }

// Bool is what is on or off.
type Bool bool

// Size is a number of bytes.
type Size int64

// Count is a number of things.
type Count int

// Duration is a span of time.
type Duration time.Duration

const (
	allowedLevel    = "debug, info, warn or error"
	allowedWho      = "anyone, token, certificate, both or nobody"
	allowedSwitch   = "true or false"
	allowedSize     = "a whole number of bytes, with an optional KiB, MiB or GiB, such as 16MiB"
	allowedCount    = "a whole number"
	allowedDuration = "a number with ms, s, m or h, such as 10s"
)

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (l *Level) UnmarshalYAML(n ast.Node) error {
	levels := map[string]zapcore.Level{
		"debug": zapcore.DebugLevel,
		"info":  zapcore.InfoLevel,
		"warn":  zapcore.WarnLevel,
		"error": zapcore.ErrorLevel,
	}
	level, ok := levels[scalar(n)]
	if !ok {
		return notAllowed(n, allowedLevel)
	}
	*l = Level(level)
	return nil
}

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (w *AccessRule) UnmarshalYAML(n ast.Node) error {
	switch v := AccessRule(scalar(n)); v {
	case Anyone, Token, Certificate, Both, Nobody:
		*w = v
		return nil
	}
	return notAllowed(n, allowedWho)
}

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (s *Bool) UnmarshalYAML(n ast.Node) error {
	v, ok := n.(*ast.BoolNode)
	if !ok {
		return notAllowed(n, allowedSwitch)
	}
	*s = Bool(v.Value)
	return nil
}

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (s *Size) UnmarshalYAML(n ast.Node) error {
	v, err := parseSize(scalar(n))
	if err != nil {
		return notAllowed(n, allowedSize)
	}
	*s = v
	return nil
}

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (c *Count) UnmarshalYAML(n ast.Node) error {
	v, err := strconv.ParseInt(scalar(n), 10, 32)
	if err != nil {
		return notAllowed(n, allowedCount)
	}
	*c = Count(v)
	return nil
}

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (d *Duration) UnmarshalYAML(n ast.Node) error {
	v, err := time.ParseDuration(scalar(n))
	if err != nil {
		return notAllowed(n, allowedDuration)
	}
	*d = Duration(v)
	return nil
}

// String implements fmt.Stringer, in the form that conf.yaml takes.
func (l Level) String() string { return zapcore.Level(l).String() }

// String implements fmt.Stringer, in the form that conf.yaml takes: 1m, where
// time.Duration says 1m0s.
func (d Duration) String() string {
	text := time.Duration(d).String()
	for _, nothing := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, nothing) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// String implements fmt.Stringer, in the form that conf.yaml takes.
func (s Size) String() string {
	for _, u := range []struct {
		shift uint
		name  string
	}{{30, "GiB"}, {20, "MiB"}, {10, "KiB"}} {
		if s != 0 && s%(1<<u.shift) == 0 {
			return strconv.FormatInt(int64(s>>u.shift), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

func parseSize(text string) (Size, error) {
	shift := 0
	for i, unit := range []string{"KiB", "MiB", "GiB"} {
		if number, ok := strings.CutSuffix(text, unit); ok {
			text, shift = number, 10*(i+1)
			break
		}
	}
	// 33 bits before and 30 after the shift cannot overflow an int64.
	v, err := strconv.ParseUint(text, 10, 33)
	if err != nil {
		return 0, fmt.Errorf("parse size: %w", err)
	}
	return Size(v) << shift, nil
}

// scalar returns the text of a plain or quoted scalar, and "" for anything
// else, which none of the types above allows.
func scalar(n ast.Node) string {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value
	case *ast.IntegerNode:
		return n.GetToken().Value
	}
	return ""
}

func notAllowed(n ast.Node, allowed string) error {
	return &yaml.SyntaxError{
		Message: fmt.Sprintf("%s: allowed is %s", strings.TrimPrefix(n.GetPath(), "$."), allowed),
		Token:   n.GetToken(),
	}
}
