package config

import (
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// Protocols is a list of versions of HTTP, the preferred one first, as conf.yaml
// takes it: [http/1.1, h2]. The names are those of ALPN.
type Protocols string

// Names returns the names of the protocols in order.
func (p Protocols) Names() []string { return strings.Split(strings.Trim(string(p), "[]"), ", ") }

// Size is a number of bytes, such as 4096 or 16MiB.
type Size int64

// sizeUnits are the powers of 1024, from the first one on.
var sizeUnits = [...]string{"KiB", "MiB", "GiB"}

// String returns the size as conf.yaml takes it.
func (s Size) String() string {
	unit := ""
	for i := 0; i < len(sizeUnits) && s != 0 && s%1024 == 0; i++ {
		s, unit = s/1024, sizeUnits[i]
	}
	return strconv.FormatInt(int64(s), 10) + unit
}

// Duration is a time such as 10s or 1h30m.
type Duration time.Duration

// zeroUnits matches the units at the end of a duration that add nothing to it.
var zeroUnits = regexp.MustCompile(`([hm])(0m)?0s$`)

// String returns the duration as conf.yaml takes it, and shorter than
// time.Duration does: 1m instead of 1m0s.
func (d Duration) String() string {
	return zeroUnits.ReplaceAllString(time.Duration(d).String(), "$1")
}

// text returns a scalar, or a list of texts, as conf.yaml shows it. It returns
// "", which no key allows, for a node with another tag.
func text(n *yaml.Node, tag string) string {
	switch {
	case n.ShortTag() != tag:
		return ""
	case tag == "!!bool":
		return strings.ToLower(n.Value) // TRUE and True are the same
	case tag != "!!seq":
		return n.Value
	}
	var entries []string
	for _, entry := range n.Content {
		entries = append(entries, text(resolveAlias(entry), "!!str"))
	}
	return "[" + strings.Join(entries, ", ") + "]"
}

func parseDuration(n *yaml.Node) (Duration, bool) {
	v, err := time.ParseDuration(text(n, "!!str"))
	return Duration(v), err == nil
}

func parseSize(n *yaml.Node) (Size, bool) {
	if v, ok := wholeNumber[Size](n); ok {
		return v, true
	}
	digits := text(n, "!!str")
	for i, unit := range sizeUnits {
		if count, ok := strings.CutSuffix(digits, unit); ok {
			// A number of 33 bits that is shifted by 30 does not overflow an int64.
			v, err := strconv.ParseUint(count, 10, 33)
			return Size(v) << (10 * (i + 1)), err == nil
		}
	}
	return 0, false
}

// number matches the numbers of YAML 1.2.2's core schema (section 10.3.2), of
// which those of JSON are a part. It bounds the exponent.
var number = regexp.MustCompile(`^([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?|0x[0-9a-fA-F]+|0o[0-7]+)$`)

// wholeNumber returns the value of a node that is a whole number: 1024, 0x400,
// 0o2000 and 1.024e3 are the same in YAML. A quoted number is accepted too.
func wholeNumber[T int | Size](n *yaml.Node) (T, bool) {
	if !slices.Contains([]string{"!!int", "!!float", "!!str"}, n.ShortTag()) || !number.MatchString(n.Value) {
		return 0, false
	}
	v, ok := new(big.Rat).SetString(n.Value)
	if !ok || !v.IsInt() || !v.Num().IsInt64() {
		return 0, false
	}
	return T(v.Num().Int64()), true
}
