package config

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
