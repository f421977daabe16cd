package api

import (
	"crypto/x509"

	"foobar/src/config"
	"foobar/src/credentials"
)

// A permission is what a request needs.
type permission int

const (
	readPermission permission = iota
	writePermission
)

// authorize returns an error if r does not have a permission.
func (a *API) authorize(p permission, r *Request) error {
	if r.Trusted {
		return nil
	}
	rules := a.settings.Load().Access
	rule := rules.Read
	if p == writePermission {
		rule = rules.Write
	}
	switch {
	case rule == config.Anyone:
		return nil
	case !rule.NeedsToken() && !rule.NeedsCertificate():
		return errAccessDisabled
	}
	return checkCredentials(rule, a.credentials.Current(), r)
}

// checkCredentials returns an error if r lacks what the rule needs. The
// certificate is verified by the current authorities, which need not be those
// that the connection began with.
func checkCredentials(rule config.AccessRule, creds *credentials.Set, r *Request) error {
	switch {
	case rule.NeedsCertificate() && !creds.VerifyPeer(r.Peer):
		return errNoCertificate
	case rule.NeedsToken() && !creds.HasToken():
		return errNoToken
	case rule.NeedsToken() && !creds.Authorizes(r.Authorization):
		return errUnauthorized
	}
	return nil
}

// ClientCAs returns the authorities whose certificates clients are to be asked
// for in the handshake, nil if they are not, and whether a client without one
// could do nothing.
func (a *API) ClientCAs() (cas *x509.CertPool, required bool) {
	rules := a.settings.Load().Access
	if !rules.Read.NeedsCertificate() && !rules.Write.NeedsCertificate() {
		return nil, false
	}
	worksWithout := func(r config.AccessRule) bool { return r == config.Anyone || r == config.Token }
	return a.credentials.Current().ClientCAs(), !worksWithout(rules.Read) && !worksWithout(rules.Write)
}
