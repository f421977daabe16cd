package credentials

import (
	"crypto/x509"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseHosts(t *testing.T) {
	long := strings.Repeat("a", 63)
	for list, want := range map[string][]string{
		"host":                                {"host"},
		"Host.Example.":                       {"host.example"},
		"a.example,b.example,A.EXAMPLE":       {"a.example", "b.example"},
		"*.example.com":                       {"*.example.com"},
		"my_host,x--y.1st.example":            {"my_host", "x--y.1st.example"},
		"192.0.2.1,2001:DB8:0::1,host":        {"192.0.2.1", "2001:db8::1", "host"},
		"::ffff:192.0.2.1,192.0.2.1":          {"192.0.2.1"},
		"xn--bcher-kva.example":               {"xn--bcher-kva.example"},
		long + "." + long + "." + long + ".a": {long + "." + long + "." + long + ".a"},
	} {
		if got, err := ParseHosts(list); !slices.Equal(got, want) || err != nil {
			t.Errorf("%s: %s, %v, want %s", list, got, err, want)
		}
	}
	for _, list := range []string{
		"",
		"a.example,",
		".",
		"https://a.example",
		"a.example:443",
		"[::1]",
		"fe80::1%eth0",
		"192.0.2.0/24",
		"b\u00fccher.example",
		"1.2.3",
		"256.1.1.1",
		"a..example",
		"a b",
		" a",
		"-a.example",
		"a-.example",
		"a.*.example",
		"*",
		"a\x00b",
		"user@a.example",
		long + "a",
		strings.Repeat("a.", 128),
		"(none)",
	} {
		_, err := ParseHosts(list)
		if err == nil || !strings.Contains(err.Error(), " is neither a host name nor an IP address: give it without scheme") {
			t.Errorf("%q: error is %v", list, err)
		}
	}
}

func generatedLeaf(t *testing.T, r Request) *x509.Certificate {
	t.Helper()
	dir := t.TempDir()
	if _, err := Generate(dir, r); err != nil {
		t.Fatal(err)
	}
	set, err := Load(Files{Cert: filepath.Join(dir, CertFile), Key: filepath.Join(dir, KeyFile)})
	if err != nil {
		t.Fatal(err)
	}
	return set.Leaf()
}

func TestGeneratedCertificateIsForAllHosts(t *testing.T) {
	long := strings.Repeat("a", 63) + ".example"
	hosts, err := ParseHosts(long + ",host.example,192.0.2.1,2001:db8::1,localhost")
	if err != nil {
		t.Fatal(err)
	}
	leaf := generatedLeaf(t, Request{Hosts: hosts, Now: time.Now()})
	for _, host := range []string{long, "host.example", "192.0.2.1", "2001:db8::1", "localhost", "127.0.0.1", "::1"} {
		if err := leaf.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
	if len(leaf.DNSNames) != 3 || len(leaf.IPAddresses) != 4 || leaf.Subject.CommonName != "host.example" {
		t.Errorf("subject %s, names %v, addresses %v", leaf.Subject, leaf.DNSNames, leaf.IPAddresses)
	}
}

// TestGenerateWithWrongClock generates a certificate in 1970, as on a machine without a
// battery for its clock. It is valid for clients whose clocks are right.
func TestGenerateWithWrongClock(t *testing.T) {
	built := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	r := Request{Hosts: []string{"host.example"}, Now: time.Unix(100, 0), Built: built}
	if !r.ClockIsWrong() {
		t.Error("the clock of 1970 passes as right")
	}
	leaf := generatedLeaf(t, r)
	if leaf.NotBefore.After(built) || leaf.NotAfter.Before(built.AddDate(2, 0, 0)) || leaf.NotAfter.Sub(leaf.NotBefore) > 825*24*time.Hour {
		t.Errorf("valid from %s to %s", leaf.NotBefore, leaf.NotAfter)
	}
	r.Now = built.AddDate(0, 6, 0)
	if r.ClockIsWrong() {
		t.Error("a clock after the build is wrong")
	}
	leaf = generatedLeaf(t, r)
	if !leaf.NotBefore.Equal(r.Now.Add(-time.Hour)) || leaf.NotAfter.Sub(r.Now) != certificateLifetime {
		t.Errorf("valid from %s to %s", leaf.NotBefore, leaf.NotAfter)
	}
}
