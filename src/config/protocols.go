package config

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Protocols is a list of versions of HTTP, the preferred one first, as conf.yaml
// takes it: [http/1.1, h2]. The names are those of ALPN.
type Protocols string

// Names returns the names of the protocols in order.
func (p Protocols) Names() []string { return strings.Split(strings.Trim(string(p), "[]"), ", ") }

func (p *Protocols) parse(n *yaml.Node) bool {
	var names []string
	for _, entry := range n.Content {
		name := stringValue(resolveAlias(entry))
		if name != "http/1.1" && name != "h2" || slices.Contains(names, name) {
			return false
		}
		names = append(names, name)
	}
	*p = Protocols("[" + strings.Join(names, ", ") + "]")
	return n.Kind == yaml.SequenceNode && len(names) > 0
}

func (*Protocols) allowed() string { return "a list of http/1.1 and h2, the preferred one first" }

// String returns the list as conf.yaml takes it.
func (p Protocols) String() string { return string(p) }
