package api

import (
	"crypto/x509"

	"foobar/src/config"
)

// authorize returns an error if access does not allow r. The certificate is
// verified by the current authorities, which need not be those that the connection
// began with.
func (a *API) authorize(ruleOf func(config.Access) config.AccessRule, r *Request) error {
	rule, creds := ruleOf(a.settings.Load().Access), a.credentials.Current()
	switch {
	case r.Trusted, rule == config.Anyone:
		return nil
	case !rule.NeedsToken() && !rule.NeedsCertificate():
		return errAccessDisabled
	case rule.NeedsCertificate() && !creds.VerifyPeer(r.Peer):
		return errNoCertificate
	case rule.NeedsToken() && !creds.HasToken():
		return errNoToken
	case rule.NeedsToken() && !creds.Authorizes(r.Authorization.Value):
		return errUnauthorized
	}
	return nil
}

// ClientCAs returns the authorities whose certificates clients are to be asked
// for in the handshake, nil if they are not, and whether a client without one is
// refused.
func (a *API) ClientCAs() (cas *x509.CertPool, required bool) {
	rules := a.settings.Load().Access
	if !rules.NeedsCertificate() {
		return nil, false
	}
	return a.credentials.Current().ClientCAs, rules.RequiresCertificate()
}
