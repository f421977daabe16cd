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

// Level is the least severe level that is logged: debug, info, warn or error.
type Level zapcore.Level

// An AccessRule is what a request needs to be allowed.
type AccessRule string

// The access rules.
const (
	Anyone      AccessRule = "anyone"      // nothing
	Token       AccessRule = "token"       // a bearer token
	Certificate AccessRule = "certificate" // a client certificate
	Both        AccessRule = "both"        // a bearer token and a client certificate
	Nobody      AccessRule = "nobody"      // no request is allowed
)

// NeedsToken reports whether a request needs a bearer token.
func (r AccessRule) NeedsToken() bool { return r == Token || r == Both }

// NeedsCertificate reports whether a request needs a client certificate.
func (r AccessRule) NeedsCertificate() bool { return r == Certificate || r == Both }

// Bool is true or false. The spellings of YAML 1.1, such as yes and on, are
// errors.
type Bool bool

// Size is a number of bytes, such as 4096 or 16MiB.
type Size int64

// Count is a whole number.
type Count int

// Duration is a time such as 10s or 1h30m.
type Duration time.Duration

const (
	allowedLevel    = "debug, info, warn or error"
	allowedAccess   = "anyone, token, certificate, both or nobody"
	allowedBool     = "true or false"
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
func (r *AccessRule) UnmarshalYAML(n ast.Node) error {
	switch v := AccessRule(scalar(n)); v {
	case Anyone, Token, Certificate, Both, Nobody:
		*r = v
		return nil
	}
	return notAllowed(n, allowedAccess)
}

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (b *Bool) UnmarshalYAML(n ast.Node) error {
	v, ok := n.(*ast.BoolNode)
	if !ok {
		return notAllowed(n, allowedBool)
	}
	*b = Bool(v.Value)
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

// String returns the level as conf.yaml takes it.
func (l Level) String() string { return zapcore.Level(l).String() }

// String returns the duration as conf.yaml takes it, and shorter than
// time.Duration does: 1m instead of 1m0s.
func (d Duration) String() string {
	text := time.Duration(d).String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// String returns the size as conf.yaml takes it.
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
	// A number of 33 bits that is shifted by 30 does not overflow an int64.
	v, err := strconv.ParseUint(text, 10, 33)
	if err != nil {
		return 0, fmt.Errorf("parse size: %w", err)
	}
	return Size(v) << shift, nil
}

// scalar returns the text of a plain or quoted scalar. It returns "" for any
// other node, which none of the types above allows.
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
