// Package access decides which requests are allowed: it applies the rules in
// section access of conf.yaml to the token and the client certificate of a request.
//
// A Policy decides for any http.Handler (Policy.Handler), and for a handler without
// net/http's types (Policy.Check). Package credentials verifies tokens and
// certificates, and package config has the rules.
package access

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"strings"
	"sync/atomic"

	"foobar/src/config"
	"foobar/src/credentials"
	"foobar/src/request"
)

// The refusals of a Policy.
var (
	errDisabled      = request.Refuse(http.StatusForbidden, "access in conf.yaml allows no client to send this request")
	errNoToken       = request.Refuse(http.StatusForbidden, "this request needs a token, and the service has no token credential")
	errNoCertificate = &request.Refusal{Response: request.Response{Status: http.StatusForbidden, Close: true},
		Message: "this request needs a client certificate of an authority in the client-ca credential"} // the next connection can have one
	errUnauthorized = &request.Refusal{Response: request.Response{Status: http.StatusUnauthorized, WWWAuthenticate: `Bearer realm="foobar"`}, Message: "this request needs the header field Authorization: Bearer with a token of the token credential"}
)

// ruleOf returns the rule for the requests with a method and a path: access.health
// for GET and HEAD of /healthz and for OPTIONS *, access.read for GET and HEAD of
// other paths, and access.write for the rest.
func ruleOf(rules config.Access, method, path string) config.AccessRule {
	reads := method == http.MethodGet || method == http.MethodHead
	switch {
	case reads && path == "/healthz", method == http.MethodOptions && path == "*":
		return rules.Health
	case reads:
		return rules.Read
	}
	return rules.Write
}

// A Policy decides which requests are allowed. Its methods may be called by many
// goroutines.
type Policy struct {
	credentials *credentials.Store
	rules       atomic.Pointer[config.Access]
}

// New returns a Policy with these rules.
func New(creds *credentials.Store, rules config.Access) *Policy {
	p := &Policy{credentials: creds}
	p.Apply(rules)
	return p
}

// Apply puts other rules in force, for the next requests.
func (p *Policy) Apply(rules config.Access) { p.rules.Store(&rules) }

// Check returns why a request of c with that value of the header field
// Authorization is refused, nil if it is allowed. The certificate is verified by the
// current authorities, which need not be those that the connection began with.
func (p *Policy) Check(c request.Client, method, path, authorization string) *request.Refusal {
	rule, creds := ruleOf(*p.rules.Load(), method, path), p.credentials.Current()
	switch {
	case c.Trusted, rule == config.Anyone:
		return nil
	case !rule.NeedsToken() && !rule.NeedsCertificate():
		return errDisabled
	case rule.NeedsCertificate() && !creds.VerifyPeer(c.Peer):
		return errNoCertificate
	case rule.NeedsToken() && !creds.HasToken():
		return errNoToken
	case rule.NeedsToken() && !creds.Authorizes(authorization):
		return errUnauthorized
	}
	return nil
}

// Handler returns a handler that passes the requests on to next which p allows, and
// refuses the others.
func (p *Policy) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A repeated field is no token: two programs could read different lines.
		authorization := strings.Join(r.Header["Authorization"], ", ")
		if refused := p.Check(request.OriginOf(r).Client, r.Method, r.URL.Path, authorization); refused != nil {
			resp := refused.Answer()
			resp.Write(w, r.Method)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ClientCAs returns the authorities whose certificates clients are to be asked
// for in the handshake, nil if they are not, and what becomes of a client without
// one.
func (p *Policy) ClientCAs() (*x509.CertPool, tls.ClientAuthType) {
	rules, cas := p.rules.Load(), p.credentials.Current().ClientCAs
	switch {
	case cas == nil, !rules.NeedsCertificate():
		return nil, tls.NoClientCert
	case rules.RequiresCertificate():
		return cas, tls.RequireAndVerifyClientCert
	}
	return cas, tls.VerifyClientCertIfGiven
}
