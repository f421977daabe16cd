package config

import (
	"errors"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"
	"golang.org/x/sys/unix"
)

// TestParseAcceptsYAML12 parses texts that all mean "log: {level: warn}" in YAML 1.2.
func TestParseAcceptsYAML12(t *testing.T) {
	want := Default()
	want.Log.Level = zapcore.WarnLevel
	utf16 := func(text string, order ...int) string {
		var b strings.Builder
		for _, r := range "\ufeff" + text {
			pair := [2]byte{byte(r >> 8), byte(r)}
			b.Write([]byte{pair[order[0]], pair[order[1]]})
		}
		return b.String()
	}
	for name, text := range map[string]string{
		"byte order mark":      "\ufefflog: {level: warn}\n",
		"UTF-16, big endian":   utf16("%YAML 1.2\n---\nlog: {level: warn}\n", 0, 1),
		"UTF-16, little end":   utf16("log: {level: warn}\n", 1, 0),
		"YAML 1.2 directive":   "%YAML 1.2\n---\nlog: {level: warn}\n",
		"YAML 1.1 directive":   "%YAML 1.1\n---\nlog: {level: warn}\n",
		"later version":        "# c\n\n%YAML 1.3 # c\n---\nlog: {level: warn}\n",
		"directive with mark":  "\ufeff%YAML 1.2\r\n---\r\nlog:\r\n  level: warn\r\n",
		"unknown directive":    "%FOO bar baz\n---\nlog: {level: warn}\n",
		"two directives":       "%YAML 1.2\n%TAG ! tag:example.com,2026:\n%FOO\n---\nlog: {level: warn}\n",
		"tag directive":        "%TAG !y! tag:yaml.org,2002:\n---\nlog: {level: !y!str warn}\n",
		"double quotes":        "\"log\":\n  \"level\": \"warn\"\n",
		"single quotes":        "'log':\n  'level': 'warn'\n",
		"escapes":              "\"l\\x6fg\": {level: \"w\\u0061rn\"}\n",
		"JSON":                 `{"log": {"level": "warn", "access": false}, "limits": {"state": 16777216}}`,
		"JSON, tight":          `{"log":{"level":"wa\u0072n"}}`,
		"JSON, tabs":           "{\n\t\"log\": {\n\t\t\"level\": \"warn\"\n\t}\n}\n",
		"explicit keys":        "? log\n: ? level\n  : warn\n",
		"trailing comma":       "{log: {level: warn,},}\n",
		"document marks":       "---\nlog: {level: warn}\n...\n# end\n",
		"on the mark's line":   "--- {log: {level: warn}}\n",
		"carriage returns":     "log:\r  level: warn\r",
		"indented":             "  log:\n    level: warn\n",
		"folded block":         "log:\n  level: >-\n    warn\n",
		"literal block":        "log:\n  level: |-\n    warn\n",
		"value on next line":   "log:\n  level:\n    warn\n",
		"comments":             "log: # c\n  # c\n  level: warn # c\n\n#c",
		"tags":                 "!!map log: !!map {!!str level: !!str warn, access: !!bool false}\n",
		"whole tag":            "log: !<tag:yaml.org,2002:map> {level: warn}\n",
		"anchors":              "log: &l {level: &w warn}\n",
		"aliases":              "log: {level: &w warn}\ntimeouts: {idle: &i 2m}\n",
		"empty section":        "log: {level: warn}\nlimits:\n  # state: 1MiB\n",
		"empty section before": "limits:\n  # state: 1MiB\nlog: {level: warn}\n",
		"null sections":        "log: {level: warn}\nlimits: ~\ntimeouts: null\naccess: {}\n",
		"hexadecimal":          "log: {level: warn}\nlimits: {state: 0x1000000, connections: 0o23420}\n",
		"floats":               "log: {level: warn}\nlimits: {state: 16777216.0, connections: 1e4}\n",
		"signs and zeros":      "log: {level: warn}\nlimits: {state: +16777216, connections: 0010000}\n",
		"quoted numbers":       "log: {level: warn}\nlimits: {state: '16777216', connections: \"10000\"}\n",
		"capitals":             "log: {level: warn, access: FALSE}\n",
		"non-ASCII comment":    "# größe \U0001f600\nlog: {level: warn}\n",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse("conf.yaml", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if got != want {
				t.Errorf("got %v", NonDefault(got))
			}
		})
	}
}

func TestParseAcceptsEmptyFile(t *testing.T) {
	for _, text := range []string{
		"", "\n", "#\n", "---\n", "...\n", "%YAML 1.2\n---\n", "\ufeff", "null\n", "~", "{}", "log:\n",
		"log:\n  # level: info\nlimits:\n", "--- # c\n...\n",
	} {
		got, err := Parse("conf.yaml", []byte(text))
		if err != nil || got != Default() {
			t.Errorf("%q: %v, %v", text, NonDefault(got), err)
		}
	}
}

func TestParseAliases(t *testing.T) {
	c, err := Parse("conf.yaml", []byte("limits: &l\n  state: &s 1MiB\n  uploads: *s\n"))
	if err != nil || c.Limits.State != 1<<20 || c.Limits.Uploads != 1<<20 {
		t.Errorf("limits are %+v, %v", c.Limits, err)
	}
}

// TestParseNamesTheFault wants an error to name the fault with a word of the file or a
// term of YAML.
func TestParseNamesTheFault(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"not UTF-8":           {"log: {level: \xff}\n", "conf.yaml:1:14: not UTF-8, or a control character: save the file as UTF-8 text"},
		"NUL":                 {"log:\n  level: warn\x00\n", "conf.yaml:2:14: not UTF-8, or a control character"},
		"control character":   {"log: {level: \"w\x01\"}", "conf.yaml:1:16: not UTF-8, or a control character"},
		"UTF-16, no mark":     {"l\x00o\x00g\x00:\x00", "conf.yaml:1:2: not UTF-8, or a control character"},
		"YAML 2":              {"%YAML 2.0\n---\n", "conf.yaml:1:1: not valid YAML: found incompatible YAML document"},
		"directive, no ---":   {"%YAML 1.2\nlog: {}\n", "conf.yaml:2:4: not valid YAML: mapping values are not allowed in this context"},
		"late directive":      {"log: {level: warn}\n%FOO\n", "conf.yaml:2:5: not valid YAML: found unknown directive name"},
		"repeated, quoted":    {"log: {level: warn}\n'log': {}\n", `conf.yaml:2:1: repeated key "log": the first one is at 1:1`},
		"merge key":           {"log:\n  <<: {level: warn}\n", `conf.yaml:2:3: unknown key "log.<<"`},
		"list as key":         {"? [a]\n: x\n", "conf.yaml:1:3: a key must be a plain or quoted text"},
		"YAML 1.1 boolean":    {"log:\n  access: yes\n", "conf.yaml:2:11: log.access: allowed is true or false"},
		"application tag":     {"log:\n  level: !foo warn\n", "conf.yaml:2:10: log.level: allowed is debug"},
		"application section": {"log: !foo {level: warn}\n", "conf.yaml:1:1: log: allowed is a mapping"},
		"unfinished number":   {"limits: {state: 1.5}\n", "conf.yaml:1:17: limits.state: allowed is 1 to 1GiB"},
		"huge number":         {"limits: {state: 1e400}\n", "conf.yaml:1:17: limits.state: allowed is 1 to 1GiB"},
		"huge, not zero":      {"limits: {per_address: 1e400}\n", "conf.yaml:1:23: limits.per_address: allowed is 0 to 1000000"},
		"infinity":            {"limits: {connections: .inf}\n", "conf.yaml:1:23: limits.connections: allowed is 1 to 1000000"},
		"underscore":          {"limits: {connections: 1_000}\n", "conf.yaml:1:23: limits.connections: allowed is 1 to 1000000"},
		"null value":          {"limits: {state: ~}\n", "conf.yaml:1:10: limits.state has no value"},
		"alias to mapping":    {"log: &l {level: *l}\n", "conf.yaml:1:6: log.level: allowed is"},
		"missing anchor":      {"log: {level: *w}\n", "conf.yaml:1:14: not valid YAML: an alias has no anchor before it"},
		"tab":                 {"log:\n\tlevel: info\n", "conf.yaml:2:1: not valid YAML: found character that cannot start any token"},
		"missing space":       {"log: {level:warn}\n", `conf.yaml:1:7: unknown key "log.level:warn"`},
		"deep":                {strings.Repeat("[", 100), "conf.yaml:2:1: not valid YAML: did not find expected node content"},
		"too large":           {strings.Repeat("#", maxFile+1), "conf.yaml: is larger than 16KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("conf.yaml", []byte(test.text))
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s...", err, test.want)
			}
		})
	}
}

// costly are files that are expensive to parse for their size.
func costly() map[string]string {
	fill := func(prefix, repeated string) string {
		return (prefix + strings.Repeat(repeated, maxFile))[:maxFile]
	}
	return map[string]string{
		"deep flow":    fill("", "["),
		"flow entries": fill("{", "a:,"),
		"flow list":    fill("[", "a,"),
		"explicit":     fill("[", "? "),
		"keys":         fill("", "k: v\n"),
		"empty keys":   fill("", ":\n"),
		"dashes":       fill("", "- "),
		"tags":         fill("", "!a "),
		"anchors":      fill("", "&a "),
		"aliases":      fill("a: &a x\nb: [", "*a,"),
		"comments":     fill("", "a: #\n#\n"),
		"quoted":       fill("a: \"", "x\n"),
		"block":        fill("a: |\n", " x\n"),
		"directives":   fill("", "%FOO\n"),
		"mixed":        fill("", "#\n%FOO\n"),
		"documents":    fill("", "---\n"),
		"spaces":       fill("", " "),
	}
}

// TestParseIsBounded limits a parse to 100 ms and 64 MiB, because a reload must neither
// block the service nor take the memory of requests. The time is the thread's CPU time,
// which does not include other processes, and the least of some attempts.
func TestParseIsBounded(t *testing.T) {
	for name, text := range costly() {
		parse := func() { Parse("conf.yaml", []byte(text)) }
		if n := allocated(parse); n > 64<<20 {
			t.Errorf("%s: %d bytes allocated, want at most 64 MiB", name, n)
		}
		took := cpuTime(t, parse)
		for n := 0; n < 5 && took > 100*time.Millisecond; n++ {
			took = min(took, cpuTime(t, parse))
		}
		if took > 100*time.Millisecond && !raceEnabled() {
			t.Errorf("%s: took %v, want at most 100ms", name, took)
		}
	}
}

func cpuTime(t *testing.T, f func()) time.Duration {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, after unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &before)
	f()
	err = errors.Join(err, unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &after))
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(after.Nano() - before.Nano())
}

// raceEnabled reports whether the test runs with the race detector, which takes
// ten times as long.
func raceEnabled() bool {
	info, _ := debug.ReadBuildInfo()
	return slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
