package credentials

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func hostRequest() Request {
	return Request{Hosts: []string{"host.example"}, Now: time.Now()}
}

func generate(t *testing.T) (dir string, files Files) {
	t.Helper()
	dir = t.TempDir()
	if _, err := Generate(dir, hostRequest()); err != nil {
		t.Fatal(err)
	}
	return dir, Files{Cert: filepath.Join(dir, CertFile), Key: filepath.Join(dir, KeyFile), Token: filepath.Join(dir, TokenFile)}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestGeneratedCertificate(t *testing.T) {
	dir, files := generate(t)
	set, err := Load(files)
	if err != nil {
		t.Fatal(err)
	}
	leaf := set.Leaf()
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	for _, name := range []string{"host.example", "localhost", "127.0.0.1", "::1"} {
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name}); err != nil {
			t.Errorf("not valid for %s: %v", name, err)
		}
	}
	key, ok := leaf.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		t.Errorf("key is %T, want ECDSA P-256", leaf.PublicKey)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 {
		t.Fatalf("directory has %v, %v, want 3 files", entries, err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: mode %v, %v, want 0600", e.Name(), info.Mode(), err)
		}
	}
}

func TestGenerateNeverOverwrites(t *testing.T) {
	for _, missing := range []string{CertFile, TokenFile, ""} {
		t.Run("missing "+missing, func(t *testing.T) {
			dir, files := generate(t)
			before := map[string]string{}
			for _, name := range []string{CertFile, KeyFile, TokenFile} {
				before[name] = read(t, filepath.Join(dir, name))
			}
			if missing != "" {
				if err := os.Remove(filepath.Join(dir, missing)); err != nil {
					t.Fatal(err)
				}
			}
			made, err := Generate(dir, hostRequest())
			if err != nil {
				t.Fatal(err)
			}
			if missing == "" && made != nil || missing != "" && (len(made) != 1 || filepath.Base(made[0]) != missing) {
				t.Errorf("made %v", made)
			}
			for name, text := range before {
				if name != missing && read(t, filepath.Join(dir, name)) != text {
					t.Errorf("%s was overwritten", name)
				}
			}
			if _, err := Load(files); err != nil {
				t.Errorf("the new file does not match the old ones: %v", err)
			}
		})
	}
}

func TestGenerateRefusesCertificateWithoutKey(t *testing.T) {
	dir, files := generate(t)
	if err := os.Remove(files.Key); err != nil {
		t.Fatal(err)
	}
	made, err := Generate(dir, hostRequest())
	if err == nil || !strings.Contains(err.Error(), "is a certificate without its key") || made != nil {
		t.Errorf("made %v, error %v", made, err)
	}
}

func TestGenerateDoesNotFollowSymlinks(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(t.TempDir(), "elsewhere"), filepath.Join(dir, TokenFile)); err != nil {
		t.Fatal(err)
	}
	made, err := Generate(dir, hostRequest())
	if err != nil || len(made) != 2 {
		t.Errorf("made %v, error %v, want key and cert only", made, err)
	}
}

func TestGenerateWithoutDirectory(t *testing.T) {
	_, err := Generate(filepath.Join(t.TempDir(), "none"), hostRequest())
	if err == nil {
		t.Error("no error")
	}
}

func TestGeneratedTokensDiffer(t *testing.T) {
	_, a := generate(t)
	_, b := generate(t)
	if x, y := read(t, a.Token), read(t, b.Token); x == y || len(strings.TrimSpace(x)) < 43 {
		t.Errorf("tokens are %q and %q", x, y)
	}
}

func TestAuthorizes(t *testing.T) {
	_, files := generate(t)
	set, err := Load(files)
	if err != nil {
		t.Fatal(err)
	}
	token := strings.TrimSpace(read(t, files.Token))
	for header, want := range map[string]bool{
		"Bearer " + token:       true,
		"bearer " + token:       true,
		"Bearer  " + token:      true,
		token:                   false,
		"":                      false,
		"Bearer":                false,
		"Bearer ":               false,
		"Bearer " + token + "x": false,
		"Bearer " + token[1:]:   false,
		"Basic " + token:        false,
	} {
		if got := set.Authorizes(header); got != want {
			t.Errorf("Authorizes(%q) = %v", header, got)
		}
	}
}

func TestWithoutTokenNothingIsAuthorized(t *testing.T) {
	_, files := generate(t)
	for _, path := range []string{"", filepath.Join(t.TempDir(), "none")} {
		files.Token = path
		set, err := Load(files)
		if err != nil {
			t.Fatal(err)
		}
		if set.HasToken() || set.Authorizes("Bearer ") || set.Authorizes("") {
			t.Errorf("token file %q authorizes a request", path)
		}
	}
}

func TestLoadErrors(t *testing.T) {
	_, other := generate(t)
	for name, test := range map[string]struct {
		change func(t *testing.T, f *Files)
		want   string
	}{
		"no certificate":             {func(_ *testing.T, f *Files) { f.Cert += "x" }, "certificate: open "},
		"no key":                     {func(_ *testing.T, f *Files) { f.Key += "x" }, "key: open "},
		"key of another certificate": {func(_ *testing.T, f *Files) { f.Key = other.Key }, "the key does not belong to the certificate"},
		"not a PEM file":             {func(t *testing.T, f *Files) { write(t, f.Cert, "hello") }, "not a PEM file"},
		"empty token":                {func(t *testing.T, f *Files) { write(t, f.Token, "\n# none yet\n") }, "the file has no token"},
		"short token":                {func(t *testing.T, f *Files) { write(t, f.Token, "secret\n") }, "line 1: not a token: use one token a line, of at least 16"},
		"second too short":           {func(t *testing.T, f *Files) { write(t, f.Token, strings.Repeat("a", 20)+"\nb") }, "line 2: not a token"},
		"comment after token":        {func(t *testing.T, f *Files) { write(t, f.Token, strings.Repeat("a", 20)+" # mine") }, "line 1: not a token"},
		"unreadable token":           {func(_ *testing.T, f *Files) { f.Token = filepath.Dir(f.Token) }, "token: read "},
		"empty client-ca":            {func(t *testing.T, f *Files) { write(t, f.Token, "# none\n"); f.ClientCA, f.Token = f.Token, "" }, "not a PEM file"},
		"key in client-ca":           {func(_ *testing.T, f *Files) { f.ClientCA = f.Key }, `line 1: the type is "PRIVATE KEY", not a CERTIFICATE`},
	} {
		t.Run(name, func(t *testing.T) {
			_, files := generate(t)
			test.change(t, &files)
			_, err := Load(files)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error is %v, want …%s…", err, test.want)
			}
			if strings.Contains(err.Error(), "aaaa") || strings.Contains(err.Error(), "secret\n") {
				t.Errorf("error quotes the token: %v", err)
			}
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), fs.FileMode(0o600)); err != nil {
		t.Fatal(err)
	}
}

func TestSeveralTokens(t *testing.T) {
	_, files := generate(t)
	first, second := strings.Repeat("1", 20), strings.Repeat("2", 20)
	for _, test := range []struct {
		text string
		want map[string]bool
	}{
		{first + "\n", map[string]bool{first: true, second: false}},
		{"# since June\n" + first + "\n\n  # from July on\n" + second, map[string]bool{first: true, second: true, "# since June": false}},
		{second + "\r\n", map[string]bool{first: false, second: true}},
	} {
		write(t, files.Token, test.text)
		set, err := Load(files)
		if err != nil {
			t.Fatal(err)
		}
		for token, want := range test.want {
			if got := set.Authorizes("Bearer " + token); got != want {
				t.Errorf("%q: Authorizes(%q) = %v", test.text, token, got)
			}
		}
	}
}

func TestOneFileForCertificateAndKey(t *testing.T) {
	_, files := generate(t)
	cert, key := read(t, files.Cert), read(t, files.Key)
	for _, text := range []string{cert + key, key + cert} {
		write(t, files.Cert, text)
		files.Key = files.Cert
		if _, err := Load(files); err != nil {
			t.Errorf("bundle: %v", err)
		}
	}
}

// TestFingerprint changes each file, which changes the fingerprint.
func TestFingerprint(t *testing.T) {
	_, files := generate(t)
	files.ClientCA = filepath.Join(t.TempDir(), "client-ca")
	seen := map[string]bool{}
	load := func(wantNew bool) {
		t.Helper()
		set, err := Load(files)
		if err != nil {
			t.Fatal(err)
		}
		if print := set.Fingerprint; seen[print] == wantNew {
			t.Errorf("fingerprint %s: new is %v, want %v", print, !seen[print], wantNew)
		} else {
			seen[print] = true
		}
	}
	load(true)
	load(false)
	write(t, files.ClientCA, read(t, files.Cert))
	load(true)
	write(t, files.Token, read(t, files.Token)+"# a comment\n")
	load(true)
	write(t, files.Key, read(t, files.Key)+"\n")
	load(true)
	write(t, files.Cert, read(t, files.Cert)+"\n")
	load(true)
}

func TestStoreReplacesSet(t *testing.T) {
	load := func() (*Set, string) {
		_, files := generate(t)
		set, err := Load(files)
		if err != nil {
			t.Fatal(err)
		}
		return set, strings.TrimSpace(read(t, files.Token))
	}
	old, _ := load()
	set, token := load()
	s := NewStore(old)
	s.Replace(set)
	got, err := s.GetCertificate(nil)
	if err != nil || got.Leaf.Equal(old.Leaf()) {
		t.Errorf("the old certificate is still served: %v", err)
	}
	if !s.Current().Authorizes("Bearer " + token) {
		t.Error("the new token is not accepted")
	}
}
