package httpserver

import (
	"crypto/tls"
	"crypto/x509"
	"sync/atomic"
	"testing"
)

// resumes makes a connection to e, and reports whether that has resumed a session of
// the client. The session ticket of TLS 1.3 arrives with the response.
func resumes(t *testing.T, e *running, conf *tls.Config) bool {
	t.Helper()
	c, err := tls.Dial("tcp", e.addr, conf)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(get("Connection: close\r\n"))); err != nil {
		t.Fatal(err)
	}
	if o := watchAnswers(t, c, "GET"); len(o.codes) != 1 {
		t.Fatalf("%d responses", len(o.codes))
	}
	return c.ConnectionState().DidResume
}

// TestSessionTickets resumes a session at the server that has started it, and at another
// server, such as the next process.
func TestSessionTickets(t *testing.T) {
	first, second, third := [32]byte{1}, [32]byte{2}, [32]byte{3}
	for name, c := range map[string]struct {
		auth       tls.ClientAuthType
		version    uint16
		protocols  []string
		keys       [][32]byte // of the other server
		same, want bool
	}{
		"the same key":          {keys: [][32]byte{first}, want: true},
		"the key of yesterday":  {keys: [][32]byte{second, first, third}, want: true},
		"HTTP/1.1 alone":        {protocols: []string{http1Protocol}, keys: [][32]byte{first}, want: true},
		"other keys":            {keys: [][32]byte{second, third}},
		"no keys":               {},
		"TLS 1.2":               {version: tls.VersionTLS12, keys: [][32]byte{first}},
		"optional certificates": {auth: tls.VerifyClientCertIfGiven, keys: [][32]byte{first}},
		"required certificates": {auth: tls.RequireAndVerifyClientCert, keys: [][32]byte{first}},
	} {
		t.Run(name, func(t *testing.T) {
			server, conf := certificate(t)
			own, cas := clientCertificate(t, nil)
			conf.Certificates = []tls.Certificate{own}
			if c.auth != tls.NoClientCert {
				server.ClientCAs = func() (*x509.CertPool, tls.ClientAuthType) { return cas, c.auth }
			}
			conf.MaxVersion, conf.ClientSessionCache = c.version, tls.NewLRUClientSessionCache(1)
			settings := defaultSettings
			if c.protocols != nil {
				settings.Protocols = c.protocols
			}
			one, other := start(t, &echo{}, settings, server), start(t, &echo{}, settings, server)
			one.SetTicketKeys([][32]byte{first})
			other.SetTicketKeys(c.keys)
			if resumes(t, one, conf) {
				t.Fatal("the first connection has resumed a session")
			}
			if !resumes(t, one, conf) {
				t.Error("the same server does not resume its session")
			}
			if got := resumes(t, other, conf); got != c.want {
				t.Errorf("another server resumes the session: %v, want %v", got, c.want)
			}
		})
	}
}

// TestSessionOfRemovedAuthority resumes the session of a client whose authority is
// replaced meanwhile.
func TestSessionOfRemovedAuthority(t *testing.T) {
	for name, auth := range map[string]tls.ClientAuthType{"optional": tls.VerifyClientCertIfGiven, "required": tls.RequireAndVerifyClientCert} {
		t.Run(name, func(t *testing.T) {
			server, conf := certificate(t)
			own, cas := clientCertificate(t, nil)
			_, others := clientCertificate(t, nil)
			var current atomic.Pointer[x509.CertPool]
			current.Store(cas)
			server.ClientCAs = func() (*x509.CertPool, tls.ClientAuthType) { return current.Load(), auth }
			conf.Certificates, conf.ClientSessionCache = []tls.Certificate{own}, tls.NewLRUClientSessionCache(1)
			e := start(t, &echo{}, defaultSettings, server)
			resumes(t, e, conf)
			if !resumes(t, e, conf) {
				t.Fatal("the session is not resumed")
			}
			current.Store(others)
			c, err := tls.Dial("tcp", e.addr, conf)
			if err == nil && c.ConnectionState().DidResume {
				t.Error("the session is resumed after the removal of its authority")
			}
			if err == nil {
				c.Close()
			}
		})
	}
}
