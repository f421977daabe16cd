package config

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
	switch {
	case r == other, r == Nobody:
		return false
	case other == Nobody:
		return true
	}
	return other.NeedsToken() && !r.NeedsToken() || other.NeedsCertificate() && !r.NeedsCertificate()
}
