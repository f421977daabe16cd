package credentials

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// Hosts are the hosts that a certificate is for.
type Hosts struct {
	Names     []string // DNS names in lower case, without a dot at the end
	Addresses []net.IP
}

// hostLabel matches a label of a host name (RFC 1123, section 2.1), and the
// underscore, which names in private networks have.
var hostLabel = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$`)

// ParseHosts parses a list of host names and IP addresses, separated by commas.
// The first label of a name may be a wildcard.
func ParseHosts(list string) (Hosts, error) {
	var h Hosts
	for host := range strings.SplitSeq(list, ",") {
		if err := h.add(host); err != nil {
			return Hosts{}, err
		}
	}
	return h, nil
}

// add adds a host name or an IP address, once.
func (h *Hosts) add(host string) error {
	if address, err := netip.ParseAddr(host); err == nil && address.Zone() == "" {
		ip := net.IP(address.Unmap().AsSlice())
		if !slices.ContainsFunc(h.Addresses, ip.Equal) {
			h.Addresses = append(h.Addresses, ip)
		}
		return nil
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if err := checkName(name); err != nil {
		return fmt.Errorf("%.100q is neither a host name nor an IP address: %w", host, err)
	}
	if !slices.Contains(h.Names, name) {
		h.Names = append(h.Names, name)
	}
	return nil
}

func checkName(name string) error {
	labels := strings.Split(strings.TrimPrefix(name, "*."), ".")
	switch {
	case name == "":
		return errors.New("it is empty")
	case len(name) > 253:
		return errors.New("it is longer than 253 characters")
	case strings.Contains(name, "/"), strings.Contains(name, ":"):
		return errors.New("give it without scheme, port, path and zone")
	case strings.ContainsFunc(name, func(r rune) bool { return r > 127 }):
		return errors.New("give its ASCII form, which begins with xn--")
	case strings.Trim(labels[len(labels)-1], "0123456789") == "":
		return errors.New("its last part is a number")
	}
	for _, label := range labels {
		if !hostLabel.MatchString(label) {
			return fmt.Errorf("its part %.70q is not allowed: use up to 63 letters, digits and hyphens", label)
		}
	}
	return nil
}
