package credentials

import (
	"bytes"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestLoadRejectsPairThatCannotServe loads pairs that every library loads and no client
// can use.
func TestLoadRejectsPairThatCannotServe(t *testing.T) {
	p224 := newECKey(t, elliptic.P224())
	t.Setenv("GODEBUG", "rsa1024min=0")
	small, err := rsa.GenerateKey(rand.Reader, 512)
	if err != nil {
		t.Fatal(err)
	}
	smallCert := issue(t, "host.example", nil, small, func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA256WithRSA })
	t.Setenv("GODEBUG", "")
	for name, test := range map[string]struct {
		pair signed
		want string
	}{
		"P-224":          {issue(t, "host.example", nil, p224, nil), "no client could connect: "},
		"512-bit RSA":    {smallCert, "no client could connect: "},
		"for clients":    {issue(t, "host.example", nil, nil, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }), "no client could connect: "},
		"never valid":    {issue(t, "host.example", nil, nil, func(c *x509.Certificate) { c.NotAfter = c.NotBefore.Add(-time.Hour) }), "no client could connect: "},
		"critical extra": {issue(t, "host.example", nil, nil, withUnknownExtension), "no client could connect: "},
	} {
		t.Run(name, func(t *testing.T) {
			files := writeFiles(t, certPEM(test.pair), keyPEM(t, test.pair.key))
			_, err := Load(files)
			if err == nil || !strings.Contains(err.Error(), files.Cert+": "+test.want) {
				t.Errorf("error is %v, want %s", err, test.want)
			}
		})
	}
}

func TestPairsThatServe(t *testing.T) {
	root := issueCA(t, "root", nil)
	intermediate := issueCA(t, "intermediate", &root)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	big, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	chained := issue(t, "host.example", &intermediate, nil, nil)
	change := func(f func(*x509.Certificate)) signed { return issue(t, "host.example", nil, nil, f) }
	for name, pair := range map[string][]signed{
		"Ed25519":         {issue(t, "host.example", nil, ed, nil)},
		"RSA":             {issue(t, "host.example", nil, big, nil)},
		"P-521":           {issue(t, "host.example", nil, newECKey(t, elliptic.P521()), nil)},
		"chain":           {chained, intermediate, root},
		"without chain":   {chained},
		"wildcard":        {issue(t, "*.host.example", nil, nil, nil)},
		"address":         {change(func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = nil, []net.IP{net.IPv6loopback} })},
		"unusable first":  {change(func(c *x509.Certificate) { c.DNSNames = []string{"-", "host.example"} })},
		"no usage":        {change(func(c *x509.Certificate) { c.ExtKeyUsage = nil })},
		"any usage":       {change(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} })},
		"self-signed CA":  {change(func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true })},
		"expired":         {change(func(c *x509.Certificate) { c.NotAfter = c.NotBefore.Add(time.Minute) })},
		"not yet valid":   {change(func(c *x509.Certificate) { c.NotBefore = c.NotAfter.Add(-time.Hour) })},
		"no SAN":          {change(func(c *x509.Certificate) { c.DNSNames = nil })},
		"until year 9999": {change(func(c *x509.Certificate) { c.NotAfter = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC) })},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Load(writeFiles(t, certPEM(pair...), keyPEM(t, pair[0].key))); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestLoadRejectsTooManyAuthorities loads more authorities than fit into a handshake,
// which has 64 KiB for their names.
func TestLoadRejectsTooManyAuthorities(t *testing.T) {
	pair := issue(t, "host.example", nil, nil, nil)
	files := writeFiles(t, certPEM(pair), keyPEM(t, pair.key))
	var all []signed
	for i := range 20 {
		all = append(all, issueCA(t, strings.Repeat(string(rune('a'+i)), 4000), nil))
	}
	write(t, files.ClientCA, certPEM(all[:10]...))
	if _, err := Load(files); err != nil {
		t.Errorf("10 authorities: %v", err)
	}
	write(t, files.ClientCA, certPEM(all...))
	if _, err := Load(files); err == nil || !strings.Contains(err.Error(), "no client could connect") {
		t.Errorf("20 authorities: error is %v", err)
	}
}

func TestWarnings(t *testing.T) {
	now := time.Now()
	pair := issue(t, "host.example", nil, nil, nil)
	wrapped := strings.Repeat("a", 76) + "\n" + strings.Repeat("b", 20) + "\n"
	hex := strings.Repeat("a", 64) + "\n" + strings.Repeat("b", 64) + "\n"
	load := func(change func(*x509.Certificate), token string, authorities ...signed) *Set {
		pair := issue(t, "host.example", nil, nil, change)
		files := writeFiles(t, certPEM(pair), keyPEM(t, pair.key))
		write(t, files.Token, token)
		if authorities != nil {
			write(t, files.ClientCA, certPEM(authorities...))
		}
		set, err := Load(files)
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	const token = "0123456789abcdef"
	ca := issueCA(t, "root", nil)
	expired := issue(t, "old", nil, nil, func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.NotAfter = true, true, c.NotBefore.Add(time.Minute)
	})
	for name, test := range map[string]struct {
		set  *Set
		want []string
	}{
		"none":          {load(nil, token, ca), nil},
		"not yet valid": {load(func(c *x509.Certificate) { c.NotBefore = now.Add(time.Hour) }, token), []string{"the certificate is not valid before "}},
		"no SAN":        {load(func(c *x509.Certificate) { c.DNSNames = nil }, token), []string{"the certificate has no subject alternative name"}},
		"URI only": {load(func(c *x509.Certificate) {
			c.DNSNames, c.URIs = nil, []*url.URL{{Scheme: "spiffe", Host: "x"}}
		}, token), []string{"the certificate has no subject alternative name"}},
		"key usage":     {load(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }, token), []string{"the key usage of the certificate lacks digitalSignature"}},
		"wrapped token": {load(nil, wrapped), []string{"token file: lines 1 and 2 look like one token"}},
		"two hex":       {load(nil, hex), nil},
		"authorities":   {load(nil, token, ca, expired, pair), []string{`authority 2 of client-ca, "CN=old", expired `, `authority 3 of client-ca, "CN=host.example", is not an authority`}},
	} {
		t.Run(name, func(t *testing.T) {
			got := test.set.Warnings(now)
			if !slices.EqualFunc(got, test.want, strings.HasPrefix) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestDescribe(t *testing.T) {
	root := issueCA(t, "root", nil)
	pair := issue(t, "host.example", &root, nil, func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 1)} })
	files := writeFiles(t, certPEM(pair, root), keyPEM(t, pair.key))
	describe := func() string {
		set, err := Load(files)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(set.Describe(), "\n")
	}
	want := "certificates: 2, for host.example, 192.0.2.1\ntokens: 1\nauthorities of client certificates: 0"
	if got := describe(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	write(t, files.ClientCA, certPEM(root, pair))
	files.Token = ""
	want = "certificates: 2, for host.example, 192.0.2.1\ntokens: 0\nauthorities of client certificates: 2"
	if got := describe(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestByteOrderMarksAreSkipped(t *testing.T) {
	pair := issue(t, "host.example", nil, nil, nil)
	files := writeFiles(t, "\ufeff"+certPEM(pair), "\ufeff"+keyPEM(t, pair.key))
	write(t, files.Token, "\ufeff0123456789abcdef\r\n")
	write(t, files.ClientCA, "\ufeff"+certPEM(pair))
	set, err := Load(files)
	if err != nil {
		t.Fatal(err)
	}
	if !set.Authorizes("Bearer 0123456789abcdef") || set.ClientCAs == nil {
		t.Error("a file was not read")
	}
	write(t, files.Cert, "\xff\xfe-\x00")
	if _, err := Load(files); err == nil || !strings.Contains(err.Error(), files.Cert+" is UTF-16") {
		t.Errorf("UTF-16: error is %v", err)
	}
}

func TestLoadRejectsLargeFile(t *testing.T) {
	_, files := generate(t)
	write(t, files.Token, strings.Repeat("#\n", maxFile/2+1))
	if _, err := Load(files); err == nil || !strings.Contains(err.Error(), "is larger than 1 MiB") {
		t.Errorf("error is %v", err)
	}
}

func TestWrappedTokenInError(t *testing.T) {
	_, _, err := parseTokens([]byte(strings.Repeat("a", 76) + "\nb==\n"))
	if err == nil || err.Error() != "line 2: not a token: lines 1 and 2 look like one token that base64(1) has wrapped: join the lines" {
		t.Errorf("error is %v", err)
	}
}

func withUnknownExtension(c *x509.Certificate) {
	c.ExtraExtensions = append(c.ExtraExtensions, unknownExtension)
}

// replaceLine returns text without its n-th line, counted from 1, or with
// another line in its place.
func replaceLine(text string, n int, with ...string) string {
	lines := strings.SplitAfter(text, "\n")
	return strings.Join(slices.Concat(lines[:n-1], with, lines[n:]), "")
}

// TestDamagedPEM damages a PEM file. Each damage is an error that names the line.
func TestDamagedPEM(t *testing.T) {
	root := issueCA(t, "root", nil)
	pair := issue(t, "host.example", &root, nil, nil)
	chain, key := certPEM(pair, root), keyPEM(t, pair.key)
	second := strings.Count(certPEM(pair), "\n") + 1 // the line of the second block
	last := strings.Count(chain, "\n")
	encrypted := string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}, Bytes: []byte("x")}))
	block := func(kind string) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: []byte("x")}))
	}
	at2 := "line " + strconv.Itoa(second) + ": "
	for name, test := range map[string]struct{ cert, key, want string }{
		"glued":               {strings.Replace(chain, "-----\n-----", "----------", 1), key, "line 1: damaged PEM block: it needs a line -----BEGIN"},
		"indented":            {strings.ReplaceAll(chain, "-----BEGIN", "  -----BEGIN"), key, "line 1: damaged PEM block"},
		"cut off":             {chain[:len(chain)-40], key, at2 + "damaged PEM block"},
		"no END":              {replaceLine(chain, second-1), key, "line 1: damaged PEM block"},
		"no BEGIN":            {replaceLine(chain, second), key, "line " + strconv.Itoa(second) + ": damaged PEM block"},
		"no first BEGIN":      {replaceLine(chain, 1), key, "line 1: damaged PEM block"},
		"END first":           {"-----END CERTIFICATE-----\n" + chain, key, "line 1: damaged PEM block"},
		"END alone":           {chain + "-----END CERTIFICATE-----\n", key, "line " + strconv.Itoa(last+1) + ": damaged PEM block"},
		"four dashes":         {replaceLine(chain, second, "----BEGIN CERTIFICATE-----\n"), key, "line " + strconv.Itoa(second+1) + ": damaged PEM block"},
		"other dashes":        {chain[:len(certPEM(pair))] + strings.ReplaceAll(certPEM(root), "-----", "\u2014\u2014"), key, "line " + strconv.Itoa(second+1) + ": damaged PEM block"},
		"other END":           {replaceLine(chain, last, "-----END CERT-----\n"), key, at2 + "damaged PEM block"},
		"not base64":          {replaceLine(chain, second+2, "?\n"), key, at2 + "damaged PEM block"},
		"line is missing":     {replaceLine(chain, second+2), key, at2 + "the certificate is damaged: "},
		"damaged END":         {strings.Replace(chain, "END CERTIFICATE-----", "END CERTIFICATE----", 1), key, "line 1: damaged PEM block"},
		"empty block":         {chain + "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", key, "line " + strconv.Itoa(last+1) + ": the certificate is damaged: "},
		"trusted certificate": {chain + block("TRUSTED CERTIFICATE"), key, "the type is \"TRUSTED CERTIFICATE\", not a CERTIFICATE"},
		"request":             {block("CERTIFICATE REQUEST"), key, "the type is \"CERTIFICATE REQUEST\", not a CERTIFICATE"},
		"key alone":           {key, key, "the file has no certificate"},
		"empty":               {"", key, "not a PEM file"},
		"DER":                 {string(pair.cert.Raw), key, "not a PEM file"},
		"intermediate first":  {certPEM(root, pair), key, `the key does not belong to the certificate "CN=root": put the server's certificate first`},
		"encrypted, PKCS #8":  {chain, block("ENCRYPTED PRIVATE KEY"), "line 1: the key is damaged, encrypted or of another kind"},
		"encrypted, SEC 1":    {chain, encrypted, "line 1: the key is damaged, encrypted or of another kind"},
		"OpenSSH":             {chain, block("OPENSSH PRIVATE KEY"), "line 1: the key is damaged, encrypted or of another kind"},
		"damaged key":         {chain, block("PRIVATE KEY"), "line 1: the key is damaged, encrypted or of another kind"},
		"two keys":            {chain, key + keyPEM(t, root.key), "the file has 2 private keys: it must have one"},
		"no key":              {chain, chain, "the file has 0 private keys: it must have one"},
	} {
		t.Run(name, func(t *testing.T) {
			files := writeFiles(t, test.cert, test.key)
			_, err := Load(files)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want %s", err, test.want)
			}
			if err != nil && !strings.Contains(err.Error(), files.Cert) && !strings.Contains(err.Error(), files.Key) {
				t.Errorf("error does not name the file: %v", err)
			}
			if test.cert == chain {
				return
			}
			// The list of authorities is not shortened either.
			pair := issue(t, "host.example", nil, nil, nil)
			files = writeFiles(t, certPEM(pair), keyPEM(t, pair.key))
			write(t, files.ClientCA, test.cert)
			if _, err := Load(files); name != "intermediate first" && (err == nil || !strings.Contains(err.Error(), files.ClientCA)) {
				t.Errorf("as client-ca: error is %v", err)
			}
		})
	}
}

// TestPEMWithComments loads PEM files with the text that tools write around and between
// blocks.
func TestPEMWithComments(t *testing.T) {
	root := issueCA(t, "root", nil)
	pair := issue(t, "host.example", &root, nil, nil)
	key := keyPEM(t, pair.key)
	parameters := "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
	cert := "Bag Attributes\n    localKeyID: 01\nsubject=CN = host.example\n\n" + certPEM(pair) +
		"\nSome Root\n=====================================\n" + certPEM(root) + "# end\n"
	for name, test := range map[string]struct{ cert, key string }{
		"comments":          {cert, parameters + key},
		"carriage returns":  {strings.ReplaceAll(cert, "\n", "\r\n"), strings.ReplaceAll(key, "\n", "\r\n")},
		"trailing spaces":   {strings.ReplaceAll(cert, "-----\n", "----- \n"), key},
		"no newline at end": {strings.TrimSpace(certPEM(pair, root)), strings.TrimSpace(key)},
		"empty lines":       {"\n\n" + certPEM(pair) + "\n\n" + certPEM(root) + "\n\n", "\n" + key},
		"one file":          {parameters + key + cert, parameters + key + cert},
		"long lines":        {rewrap(certPEM(pair)), rewrap(key)},
	} {
		t.Run(name, func(t *testing.T) {
			set, err := Load(writeFiles(t, test.cert, test.key))
			if err != nil {
				t.Fatal(err)
			}
			if n := len(set.Certificate.Certificate); n != strings.Count(test.cert, "BEGIN CERTIFICATE") {
				t.Errorf("%d certificates were read", n)
			}
		})
	}
}

// rewrap returns a PEM block with its base64 in one line.
func rewrap(text string) string {
	b, _ := pem.Decode([]byte(text))
	lines := bytes.Split(bytes.TrimSpace(pem.EncodeToMemory(b)), []byte("\n"))
	body := bytes.Join(lines[1:len(lines)-1], nil)
	return string(bytes.Join([][]byte{lines[0], body, lines[len(lines)-1]}, []byte("\n"))) + "\n"
}
