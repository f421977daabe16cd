package config

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// Size is a number of bytes, such as 4096 or 16MiB.
type Size int64

// Count is a whole number.
type Count int

// Duration is a time such as 10s or 1h30m.
type Duration time.Duration

func (s *Size) parse(n *yaml.Node) bool {
	if v, ok := number(n); ok {
		*s = Size(v)
		return v >= 0
	}
	v, err := parseSize(stringValue(n))
	*s = v
	return err == nil
}

func (*Size) allowed() string {
	return "a whole number of bytes, with an optional KiB, MiB or GiB, such as 16MiB"
}

func (c *Count) parse(n *yaml.Node) bool {
	v, ok := number(n)
	*c = Count(v)
	return ok
}

func (*Count) allowed() string { return "a whole number" }

func (d *Duration) parse(n *yaml.Node) bool {
	v, err := time.ParseDuration(stringValue(n))
	*d = Duration(v)
	return err == nil
}

func (*Duration) allowed() string { return "a number with ms, s, m or h, such as 10s" }

// String returns the number in decimal digits.
func (c Count) String() string { return strconv.Itoa(int(c)) }

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

// decimal matches a whole number, and a float that can be one, in YAML 1.2.2's
// core schema (section 10.3.2), which is also how JSON writes numbers.
var decimal = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)

// number returns the value of a node that is a whole number: 1024, 0x400, 0o2000
// and 1.024e3 are the same in YAML. A quoted number is accepted too.
func number(n *yaml.Node) (int64, bool) {
	if tag := n.ShortTag(); n.Kind != yaml.ScalarNode || tag != "!!int" && tag != "!!float" && tag != "!!str" {
		return 0, false
	}
	for prefix, base := range map[string]int{"0x": 16, "0o": 8} {
		if digits, ok := strings.CutPrefix(n.Value, prefix); ok && n.ShortTag() != "!!str" {
			v, err := strconv.ParseUint(digits, base, 53)
			return int64(v), err == nil
		}
	}
	// A float64 has whole numbers up to 1<<53, far more than any range allows.
	v, err := strconv.ParseFloat(n.Value, 64)
	ok := err == nil && decimal.MatchString(n.Value) && v == math.Trunc(v) && math.Abs(v) < 1<<53
	if !ok {
		return 0, false
	}
	return int64(v), true
}
