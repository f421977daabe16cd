package config

import (
	"net/netip"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// Cluster says where foobar-etcd keeps the state. Without endpoints there is no
// cluster.
type Cluster struct {
	Endpoints  Endpoints
	ServerName string   // in the certificates of the members, empty for their addresses
	Prefix     string   // of the key
	Timeout    Duration // of one read or write, all its tries together
	TryTimeout Duration
}

// Endpoints are the addresses of etcd members, separated by ", ".
type Endpoints string

// List returns the addresses, each such as 10.0.0.1:2379.
func (e Endpoints) List() []string {
	return strings.FieldsFunc(string(e), func(r rune) bool { return r == ',' || r == ' ' })
}

// maxClusterState is the largest limits.state of a cluster, as etcd accepts
// requests of up to 1.5 MiB, and its default.
const maxClusterState Size = 1 << 20

func clusterKeys() []key {
	return []key{
		{"cluster.endpoints", "a list of addresses with ports, such as [10.0.0.1:2379]", parseEndpoints,
			func(c Config) string {
				return "[" + quoteIPv6.ReplaceAllString(string(c.Cluster.Endpoints), `"$0"`) + "]"
			}},
		matching("cluster.server_name", `a name of up to 253 letters, digits, - and ., or ""`, `[A-Za-z0-9.-]*`, 253, func(c *Config) *string { return &c.Cluster.ServerName }),
		matching("cluster.prefix", "a path of up to 1,000 letters, digits and -._, such as /foobar", `(/[A-Za-z0-9._-]+)+`, 1000, func(c *Config) *string { return &c.Cluster.Prefix }),
		timeout("cluster.timeout", time.Minute, func(c *Config) *Duration { return &c.Cluster.Timeout }),
		timeout("cluster.try_timeout", time.Minute, func(c *Config) *Duration { return &c.Cluster.TryTimeout }),
	}
}

// quoteIPv6 matches the addresses that YAML takes for lists without quotes.
var quoteIPv6 = regexp.MustCompile(`\[[^ ]*\]:\d+`)

func parseEndpoints(c *Config, n *yaml.Node) bool {
	var addresses []string
	for _, entry := range n.Content {
		address, err := netip.ParseAddrPort(text(resolveAlias(entry), "!!str"))
		if err != nil || address.Port() == 0 || address.Addr().IsUnspecified() {
			return false
		}
		addresses = append(addresses, address.String())
	}
	c.Cluster.Endpoints = Endpoints(strings.Join(addresses, ", "))
	return n.ShortTag() == "!!seq"
}

// matching returns a key that has a text of a pattern, with at most maxLength bytes. A
// length in the pattern would make it thousands of times as slow to compile.
func matching(path, allowed, pattern string, maxLength int, field func(*Config) *string) key {
	whole := regexp.MustCompile("^" + pattern + "$")
	parse := func(c *Config, n *yaml.Node) bool {
		*field(c) = text(n, "!!str")
		return n.ShortTag() == "!!str" && len(n.Value) <= maxLength && whole.MatchString(n.Value)
	}
	return key{path, allowed, parse, func(c Config) string {
		if *field(&c) == "" {
			return `""`
		}
		return *field(&c)
	}}
}

// limitClusterState lowers the default of limits.state for a cluster.
func (p *parser) limitClusterState() error {
	switch node := p.set["limits.state"]; {
	case p.config.Cluster.Endpoints == "":
		return nil
	case node != nil && p.config.Limits.State > maxClusterState:
		return p.errorf(node, "limits.state: allowed is 1 to %v with cluster.endpoints", maxClusterState)
	}
	p.config.Limits.State = min(p.config.Limits.State, maxClusterState)
	return nil
}
