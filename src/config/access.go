package config

import "slices"

// An AccessRule is what a request needs to be allowed.
type AccessRule string

// The access rules.
const (
	Anyone      AccessRule = "anyone"      // nothing
	Token       AccessRule = "token"       // a bearer token
	Certificate AccessRule = "certificate" // a client certificate
	Both        AccessRule = "both"        // a bearer token and a client certificate
	Nobody      AccessRule = "nobody"      // no request is allowed
)

// A Grant is a rule of Access.
type Grant struct {
	Key  string // in conf.yaml
	Verb string // what the rule allows, as a phrase for an administrator
	AccessRule
}

// Grants returns the rules.
func (a Access) Grants() []Grant {
	return []Grant{{"access.read", "reading", a.Read}, {"access.write", "writing", a.Write}, {"access.health", "/healthz", a.Health}}
}

// NeedsToken reports whether a request needs a bearer token.
func (a Access) NeedsToken() bool { return slices.ContainsFunc(a.Grants(), Grant.NeedsToken) }

// NeedsCertificate reports whether a request needs a client certificate.
func (a Access) NeedsCertificate() bool {
	return slices.ContainsFunc(a.Grants(), Grant.NeedsCertificate)
}

// RequiresCertificate reports whether a client without a certificate can neither
// read nor write. It is refused in the TLS handshake then, /healthz or not.
func (a Access) RequiresCertificate() bool {
	worksWithout := func(r AccessRule) bool { return r == Anyone || r == Token }
	return a.NeedsCertificate() && !worksWithout(a.Read) && !worksWithout(a.Write)
}

// NeedsToken reports whether a request needs a bearer token.
func (r AccessRule) NeedsToken() bool { return r == Token || r == Both }

// NeedsCertificate reports whether a request needs a client certificate.
func (r AccessRule) NeedsCertificate() bool { return r == Certificate || r == Both }

// Holders returns who meets the rule, as a phrase for an administrator.
func (r AccessRule) Holders() string {
	switch r {
	case Token:
		return "holders of a token"
	case Certificate:
		return "holders of a client certificate"
	case Both:
		return "holders of a token and a client certificate"
	}
	return string(r)
}

// AllowsMoreThan reports whether a request that the other rule refuses may meet
// this one.
func (r AccessRule) AllowsMoreThan(other AccessRule) bool {
	needsLess := other.NeedsToken() && !r.NeedsToken() || other.NeedsCertificate() && !r.NeedsCertificate()
	return r != Nobody && (other == Nobody || needsLess)
}
