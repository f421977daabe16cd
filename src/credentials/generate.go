package credentials

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The names of the files that Generate makes.
const (
	CertFile  = "cert"
	KeyFile   = "key"
	TokenFile = "token"
)

// certificateLifetime is the lifetime of a generated certificate.
const certificateLifetime = 365 * 24 * time.Hour

// maxCertificateLifetime is within the 825 days that some clients accept at
// most.
const maxCertificateLifetime = 800 * 24 * time.Hour

// A Request says what Generate makes a certificate for.
type Request struct {
	Hosts []string // as ParseHosts returns them
	// Now is the time by this machine's clock.
	Now time.Time
	// Built is when the program was built, or the zero time if that is unknown.
	Built time.Time
}

// ClockIsWrong reports whether the clock shows a time before the program was
// built.
func (r Request) ClockIsWrong() bool { return r.Now.Before(r.Built) }

// Generate makes a self-signed certificate for the hosts of r and for localhost,
// its key (ECDSA P-256) and a random token in dir, those of the three that are
// missing. The files have mode 0600. It returns the paths of the files that it
// made, also with an error. It does not overwrite a file, and a file appears
// with its whole content or not at all.
func Generate(dir string, r Request) (made []string, err error) {
	for _, file := range []struct {
		name     string
		generate func(string, Request) ([]byte, error)
	}{{KeyFile, newKey}, {CertFile, newCertificate}, {TokenFile, newToken}} {
		path := filepath.Join(dir, file.name)
		if _, err := os.Lstat(path); err == nil {
			continue
		} else if !errors.Is(err, fs.ErrNotExist) {
			return made, err
		}
		content, err := file.generate(dir, r)
		if err != nil {
			return made, fmt.Errorf("generate %s: %w", path, err)
		}
		if err := createFile(path, content); err != nil {
			return made, fmt.Errorf("write %s: %w", path, err)
		}
		made = append(made, path)
	}
	return made, nil
}

// newKey returns a new private key in PEM. It fails if dir has a certificate,
// which a new key would not belong to.
func newKey(dir string, _ Request) ([]byte, error) {
	cert := filepath.Join(dir, CertFile)
	if _, err := os.Lstat(cert); err == nil {
		return nil, fmt.Errorf("%s is a certificate without its key: put the key beside it, or remove the certificate", cert)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}

// newCertificate returns a certificate in PEM that is signed by the key in dir.
func newCertificate(dir string, r Request) ([]byte, error) {
	path := filepath.Join(dir, KeyFile)
	text, err := readFile("key", path, false)
	if err != nil {
		return nil, err
	}
	key, err := parseKey(text)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", path, err)
	}
	template := certificateTemplate(r)
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), err
}

func certificateTemplate(r Request) *x509.Certificate {
	begin, lifetime := r.Now, certificateLifetime
	if r.ClockIsWrong() {
		// By this clock, the certificate would have expired for everybody else.
		begin, lifetime = r.Built, maxCertificateLifetime
	}
	template := &x509.Certificate{
		NotBefore: begin.Add(-time.Hour), NotAfter: begin.Add(lifetime),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	hosts := slices.Clone(r.Hosts)
	for _, host := range []string{"localhost", "127.0.0.1", "::1"} {
		if !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	// A common name has at most 64 characters (RFC 5280, appendix A.1). Clients
	// read the alternative names; the common name is for people.
	fits := slices.IndexFunc(hosts, func(host string) bool { return len(host) <= 64 })
	template.Subject = pkix.Name{CommonName: hosts[fits]}
	return template
}

// newToken returns a token with at least 256 random bits.
func newToken(string, Request) ([]byte, error) { return []byte(rand.Text() + rand.Text() + "\n"), nil }

// createFile writes a file of mode 0600. It writes a temporary file and links it
// to path, because link(2) neither overwrites a file nor follows a symbolic
// link.
func createFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := f.Write(content); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}

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
