package service

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"testing"

	"foobar/src/credentials"
)

// resumes makes a connection, and reports whether it has resumed a session in the cache.
// The client would not offer the session of another certificate if it verified them.
func (i *instance) resumes(cache tls.ClientSessionCache) bool {
	i.t.Helper()
	conf := &tls.Config{ServerName: "foobar.example", InsecureSkipVerify: true, ClientSessionCache: cache}
	client := http.Client{Transport: &http.Transport{TLSClientConfig: conf, DisableKeepAlives: true}, Timeout: testTimeout}
	resp := must[*http.Response](i.t)(client.Get("https://" + i.https + "/"))
	defer resp.Body.Close()
	must[int64](i.t)(io.Copy(io.Discard, resp.Body))
	return resp.TLS.DidResume
}

// renewCertificate replaces the certificate by another one for the same key.
func (i *instance) renewCertificate() {
	i.t.Helper()
	pair := must[tls.Certificate](i.t)(tls.X509KeyPair([]byte(i.read("cert")), []byte(i.read("key"))))
	i.makeCertificate(pair.Leaf.NotAfter)
}

// TestSessionsSurviveRestart resumes a session after a restart and after a reload, and
// not with another certificate.
func TestSessionsSurviveRestart(t *testing.T) {
	i := start(t, "")
	cache := tls.NewLRUClientSessionCache(1)
	if i.resumes(cache) {
		t.Fatal("the first connection has resumed a session")
	}
	if err := i.end(); err != nil {
		t.Fatal(err)
	}
	i.run()
	i.waitReady()
	if !i.resumes(cache) {
		t.Error("the session is not resumed after a restart")
	}
	i.reloaded()
	if !i.resumes(cache) {
		t.Error("the session is not resumed after a reload")
	}
	i.renewCertificate()
	i.reloaded()
	if i.resumes(cache) {
		t.Error("the session is resumed after a change of the certificate")
	}
}

// TestWatchdogRenewsTicketKeys changes what the keys are derived from, as a new day does.
// The next ping of the watchdog puts the new keys in use.
func TestWatchdogRenewsTicketKeys(t *testing.T) {
	i := newInstance(t, "")
	i.env["WATCHDOG_USEC"] = "300000"
	s := must[*Service](t)(Open(i.options()))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx, i.reload) }()
	i.waitReady()
	cache := tls.NewLRUClientSessionCache(1)
	i.resumes(cache)
	if !i.resumes(cache) {
		t.Error("the session is not resumed")
	}
	i.renewCertificate()
	s.credentials.Replace(must[*credentials.Set](t)(credentials.Load(i.options().Credentials)))
	eventually(t, "the session is not resumed", func() bool { return !i.resumes(cache) })
	stop()
	if err := errors.Join(<-done, s.Close()); err != nil {
		t.Error(err)
	}
}
