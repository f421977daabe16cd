package api

import (
	"crypto/x509"

	"foobar/src/config"
	"foobar/src/credentials"
)

// An access is what a request wants to do.
type access int

const (
	readAccess access = iota
	writeAccess
)

// authorize says whether r may do what it wants.
func (a *API) authorize(wants access, r *Request) error {
	if r.Trusted {
		return nil
	}
	rules := a.settings.Load().Access
	who := rules.Read
	if wants == writeAccess {
		who = rules.Write
	}
	if who == config.Anyone {
		return nil
	}
	if !who.NeedsToken() && !who.NeedsCertificate() {
		return errClosed
	}
	return demand(who, a.credentials.Current(), r)
}

// demand asks for what who takes. The certificate is judged by the authorities
// in force, which need not be those that the connection began with.
func demand(who config.AccessRule, creds *credentials.Set, r *Request) error {
	switch {
	case who.NeedsCertificate() && !creds.VerifyPeer(r.Peer):
		return errNoCertificate
	case who.NeedsToken() && !creds.HasToken():
		return errNoToken
	case who.NeedsToken() && !creds.Authorizes(r.Authorization):
		return errUnauthorized
	}
	return nil
}

// ClientCAs are the authorities whose certificates clients are to be asked for
// when they connect, nil where they are not, and whether those without one
// would be refused whatever they ask.
func (a *API) ClientCAs() (cas *x509.CertPool, required bool) {
	rules := a.settings.Load().Access
	if !rules.Read.NeedsCertificate() && !rules.Write.NeedsCertificate() {
		return nil, false
	}
	passes := func(w config.AccessRule) bool { return w == config.Anyone || w == config.Token }
	return a.credentials.Current().ClientCAs(), !passes(rules.Read) && !passes(rules.Write)
}
