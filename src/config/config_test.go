package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"
)

func TestDefaultFileHasEveryKey(t *testing.T) {
	var shown map[string]map[string]any
	if err := yaml.Load(DefaultFile, &shown); err != nil {
		t.Fatal(err)
	}
	for _, k := range keys() {
		section, name, _ := strings.Cut(k.path, ".")
		if shown[section][name] == nil {
			t.Errorf("the default file does not have %s", k.path)
		}
	}
}

func TestParse(t *testing.T) {
	with := func(change func(*Config)) Config {
		c := Default()
		change(&c)
		return c
	}
	for name, test := range map[string]struct {
		text string
		want Config
	}{
		"empty":         {"", Default()},
		"comments only": {"# nothing\n", Default()},
		"document mark": {"---\n", Default()},
		"one key": {"limits: {state: 1KiB}", with(func(c *Config) {
			c.Limits.State = 1024
		})},
		"bare number of bytes": {"limits:\n  header: 4096\n", with(func(c *Config) {
			c.Limits.Header = 4096
		})},
		"quoted": {"timeouts:\n  idle: \"1h\"\n", with(func(c *Config) {
			c.Timeouts.Idle = Duration(time.Hour)
		})},
		"bool": {"log:\n  access: true\n", with(func(c *Config) {
			c.Log.Access = true
		})},
		"protocols": {"http: {protocols: [h2], fast_path: false}", with(func(c *Config) {
			c.HTTP = HTTP{Protocols: "[h2]"}
		})},
		"protocols as a block": {"http:\n  protocols:\n  - h2\n  - \"http/1.1\"\n", with(func(c *Config) {
			c.HTTP.Protocols = "[h2, http/1.1]"
		})},
		"access": {"access:\n  read: token\n  write: nobody\n", with(func(c *Config) {
			c.Access = Access{Token, Nobody, Anyone}
		})},
		"cluster": {"cluster: {endpoints: [10.0.0.1:2379, \"[fd00::0:1]:2379\"], server_name: etcd.example, prefix: /a/b, timeout: 3s, try_timeout: 1s}", with(func(c *Config) {
			c.Cluster = Cluster{"10.0.0.1:2379, [fd00::1]:2379", "etcd.example", "/a/b", Duration(3 * time.Second), Duration(time.Second)}
			c.Limits.State = 1 << 20
		})},
		"small state of a cluster": {"cluster: {endpoints: [10.0.0.1:2379]}\nlimits: {state: 1KiB}", with(func(c *Config) {
			c.Cluster.Endpoints, c.Limits.State = "10.0.0.1:2379", 1024
		})},
		"access by certificate": {"access:\n  read: certificate\n  write: both\n  health: token\n", with(func(c *Config) {
			c.Access = Access{Certificate, Both, Token}
		})},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse("conf.yaml", []byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"unknown section":      {"log: {level: info}\nlimit: {}\n", `conf.yaml:2:1: unknown key "limit": allowed is log, access, http, limits, timeouts or cluster`},
		"unknown key":          {"limits:\n  stat: 1\n", `conf.yaml:2:3: unknown key "limits.stat": allowed is state, uploads, header, requests, connections or per_address`},
		"repeated key":         {"log:\n  level: info\n  level: warn\n", `conf.yaml:3:3: repeated key "level": the first one is at 2:3`},
		"wrong type":           {"limits:\n  connections: many\n", "conf.yaml:2:16: limits.connections: allowed is 1 to 1000000"},
		"list for scalar":      {"limits:\n  state: [1]\n", "conf.yaml:2:10: limits.state: allowed is 1 to 1GiB"},
		"negative size":        {"limits:\n  state: -1\n", "conf.yaml:2:10: limits.state: allowed is 1 to 1GiB"},
		"decimal unit":         {"limits:\n  state: 16MB\n", "conf.yaml:2:10: limits.state: allowed is 1 to 1GiB"},
		"overflow":             {"limits:\n  state: 99999999999GiB\n", "conf.yaml:2:10: limits.state: allowed is 1 to 1GiB"},
		"size too small":       {"limits:\n  state: 0\n", "conf.yaml:2:10: limits.state: allowed is 1 to 1GiB"},
		"number for time":      {"timeouts:\n  idle: 10\n", "conf.yaml:2:9: timeouts.idle: allowed is 10ms to 24h"},
		"time out of range":    {"timeouts:\n  idle: 25h\n", "conf.yaml:2:9: timeouts.idle: allowed is 10ms to 24h"},
		"level":                {"log:\n  level: loud\n", "conf.yaml:2:10: log.level: allowed is debug, info, warn or error"},
		"bool":                 {"log:\n  access: \"true\"\n", "conf.yaml:2:11: log.access: allowed is true or false"},
		"number for a bool":    {"log:\n  access: 1\n", "conf.yaml:2:11: log.access: allowed is true or false"},
		"access":               {"access:\n  read: all\n", "conf.yaml:2:9: access.read: allowed is anyone, token, certificate, both or nobody"},
		"protocol":             {"http:\n  protocols: [h3]\n", "conf.yaml:2:14: http.protocols: allowed is [http/1.1, h2], [h2, http/1.1], [http/1.1] or [h2]"},
		"protocol twice":       {"http:\n  protocols: [h2, h2]\n", "conf.yaml:2:14: http.protocols: allowed is [http/1.1, h2]"},
		"no protocol":          {"http:\n  protocols: []\n", "conf.yaml:2:14: http.protocols: allowed is [http/1.1, h2]"},
		"protocol and no list": {"http:\n  protocols: h2\n", "conf.yaml:2:14: http.protocols: allowed is [http/1.1, h2]"},
		"quoted protocols":     {"http:\n  protocols: '[h2]'\n", "conf.yaml:2:14: http.protocols: allowed is [http/1.1, h2]"},
		"mapping of protocols": {"http:\n  protocols: {h2: http/1.1}\n", "conf.yaml:2:14: http.protocols: allowed is [http/1.1, h2]"},
		"no value":             {"log:\n  level:\n", "conf.yaml:2:3: log.level has no value"},
		"text for section":     {"log: info\n", "conf.yaml:1:1: log: allowed is a mapping with level or access"},
		"list for section":     {"log:\n- level\n", "conf.yaml:1:1: log: allowed is a mapping with level or access"},
		"scalar document":      {"hello\n", "conf.yaml:1:1: allowed is a mapping with log, access, http, limits, timeouts or cluster"},
		"second document":      {"log: {level: info}\n---\nlog: {level: warn}\n", "conf.yaml:2:1: a second document begins here: allowed is one"},
		"syntax":               {"log: {level: info\n", "conf.yaml:2:1: not valid YAML: did not find expected ',' or '}' while parsing a flow mapping that begins at 1:6"},
		"tab":                  {"log:\n\tlevel: info\n", "conf.yaml:2:1"},
		"uploads below state":  {"limits:\n  state: 1MiB\n  uploads: 1KiB\n", "conf.yaml:3:12: limits.uploads: limits.uploads must be at least limits.state"},
		"host name":            {"cluster:\n  endpoints: [etcd.example:2379]\n", "conf.yaml:2:14: cluster.endpoints: allowed is a list of addresses with ports, such as [10.0.0.1:2379]"},
		"no port":              {"cluster: {endpoints: [10.0.0.1]}\n", "conf.yaml:1:22: cluster.endpoints: allowed is"},
		"port 0":               {"cluster: {endpoints: [\"10.0.0.1:0\"]}\n", "conf.yaml:1:22: cluster.endpoints: allowed is"},
		"address of no host":   {"cluster: {endpoints: [\"0.0.0.0:2379\"]}\n", "conf.yaml:1:22: cluster.endpoints: allowed is"},
		"endpoint and no list": {"cluster: {endpoints: \"10.0.0.1:2379\"}\n", "conf.yaml:1:22: cluster.endpoints: allowed is"},
		"URL of an endpoint":   {"cluster: {endpoints: [\"https://10.0.0.1:2379\"]}\n", "conf.yaml:1:22: cluster.endpoints: allowed is"},
		"server name":          {"cluster: {server_name: a b}\n", `conf.yaml:1:24: cluster.server_name: allowed is a name of up to 253 letters, digits, - and ., or ""`},
		"relative prefix":      {"cluster: {prefix: foobar}\n", "conf.yaml:1:19: cluster.prefix: allowed is a path of up to 1,000 letters, digits and -._, such as /foobar"},
		"long name":            {"cluster: {server_name: " + strings.Repeat("a", 254) + "}\n", "conf.yaml:1:24: cluster.server_name: allowed is a name of up to 253"},
		"long prefix":          {"cluster: {prefix: /" + strings.Repeat("a", 1000) + "}\n", "conf.yaml:1:19: cluster.prefix: allowed is a path of up to 1,000"},
		"state of a cluster":   {"limits: {state: 2MiB}\ncluster: {endpoints: [10.0.0.1:2379]}\n", "conf.yaml:1:17: limits.state: allowed is 1 to 1MiB with cluster.endpoints"},
		"state above uploads":  {"limits:\n  state: 1GiB\n", "conf.yaml:2:10: limits.state: limits.uploads must be at least limits.state"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("conf.yaml", []byte(test.text))
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got  %s\nwant %s…", err, test.want)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
		})
	}
}

func TestErrorsDoNotQuoteValues(t *testing.T) {
	for _, text := range []string{
		"limits:\n  state: hunter2\n",
		"access:\n  write: hunter2\n",
		"timeouts: hunter2\n",
		"hunter2\n",
		"log: {level: hunter2\n",
		"log:\n  level: \"hunter2\n",
		"log:\n  level: *hunter2\n",
		"log:\n  level: &hunter2 !hunter2 *hunter2\n",
		"log:\n  level: !hunter2 x\n",
		"log:\n  level: !e!hunter2 x\n",
		"log:\n  level: !<hunter2 x\n",
		"log:\n  level: \"\\hunter2\"\n",
		"log:\n  level: %hunter2\n",
		"log:\n  level: @hunter2\n",
		"log:\n  level: warn hunter2: x\n",
		"log:\n  level: |hunter2\n",
		"%YAML 3.hunter2\n---\n",
		"log: *hunter2\n",
		"limits:\n  connections: [hunter2]\n",
		"limits:\n  state: 1hunter2\n",
		"log:\n  level: info\n hunter2\n",
		"log:\n  level: info\n  hunter2\n",
	} {
		_, err := Parse("conf.yaml", []byte(text))
		if err == nil {
			t.Errorf("%q: no error", text)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: error quotes the value: %s", text, err)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "conf.yaml")
	if err := os.WriteFile(path, DefaultFile, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err != nil {
		t.Error(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none"): "none: no such file or directory",
		dir:                        dir + ": is a directory",
	} {
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Load(%s) = %v, want …%s", path, err, want)
		}
	}
	big := filepath.Join(dir, "big")
	if err := os.WriteFile(big, make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(big); err == nil || !strings.Contains(err.Error(), "is larger than 16KiB") {
		t.Errorf("Load(big) = %v", err)
	}
}

func TestSizeString(t *testing.T) {
	for in, want := range map[Size]string{0: "0", 1: "1", 1024: "1KiB", 1536: "1536", 3 << 20: "3MiB", 1 << 30: "1GiB"} {
		if got := in.String(); got != want {
			t.Errorf("Size(%d) = %s, want %s", int64(in), got, want)
		}
		back, ok := parseSize(&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: want})
		if !ok || back != in {
			t.Errorf("parseSize(%s) = %d, %v", want, back, ok)
		}
	}
}

func TestNonDefault(t *testing.T) {
	if got := NonDefault(Default()); len(got) != 0 {
		t.Errorf("the defaults differ from themselves: %v", got)
	}
	// Each key has a value that differs from its default.
	c, err := Parse("conf.yaml", []byte(`
log: {level: debug, access: true}
access: {read: nobody, write: anyone, health: token}
http: {protocols: [h2, http/1.1], fast_path: false}
limits: {state: 1, uploads: 1GiB, header: 1025, requests: 3, connections: 1, per_address: 0}
timeouts: {header: 1h, body: 1h30m, response: 61s, idle: 10ms, shutdown: 1m}
cluster: {endpoints: [10.0.0.1:2379, "[fd00::1]:2379"], server_name: etcd.example, prefix: /a, timeout: 3s, try_timeout: 1s}
`))
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for _, s := range NonDefault(c) {
		values[s.Path] = s.Value
	}
	for path, want := range map[string]string{
		"log.level": "debug", "log.access": "true", "access.read": "nobody", "access.health": "token", "http.protocols": "[h2, http/1.1]", "http.fast_path": "false",
		"limits.state": "1", "limits.uploads": "1GiB", "limits.header": "1025",
		"limits.requests": "3", "limits.connections": "1", "limits.per_address": "0", "timeouts.header": "1h", "timeouts.body": "1h30m", "timeouts.response": "1m1s", "timeouts.idle": "10ms", "timeouts.shutdown": "1m",
		"cluster.endpoints": `[10.0.0.1:2379, "[fd00::1]:2379"]`, "cluster.server_name": "etcd.example", "cluster.prefix": "/a", "cluster.timeout": "3s", "cluster.try_timeout": "1s",
	} {
		if values[path] != want {
			t.Errorf("%s is %q, want %q", path, values[path], want)
		}
	}
	for _, k := range keys() {
		if _, ok := values[k.path]; !ok {
			t.Errorf("%s is not among %v", k.path, values)
		}
	}
}
