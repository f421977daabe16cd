package credentials

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// hostLabel matches a label of a host name (RFC 1123, section 2.1), and the
// underscore, which names in private networks have.
var hostLabel = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$`)

// ParseHosts parses a list of host names and IP addresses, separated by commas.
// The first label of a name may be a wildcard. It returns each host once, names
// in lower case and without a dot at the end.
func ParseHosts(list string) ([]string, error) {
	var hosts []string
	for text := range strings.SplitSeq(list, ",") {
		host, err := parseHost(text)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	return hosts, nil
}

func parseHost(text string) (string, error) {
	if address, err := netip.ParseAddr(text); err == nil && address.Zone() == "" {
		return address.Unmap().String(), nil
	}
	host := strings.ToLower(strings.TrimSuffix(text, "."))
	labels := strings.Split(strings.TrimPrefix(host, "*."), ".")
	allowed := len(host) <= 253 && strings.Trim(labels[len(labels)-1], "0123456789") != ""
	for _, label := range labels {
		allowed = allowed && hostLabel.MatchString(label)
	}
	if !allowed {
		return "", fmt.Errorf("%.100q is neither a host name nor an IP address: give it without scheme, port, path and zone, "+
			"in ASCII (xn--), with at most 63 letters, digits and hyphens between two dots", text)
	}
	return host, nil
}
