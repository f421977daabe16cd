package api

import "foobar/src/config"

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
	switch creds := a.credentials.Current(); {
	case who == config.Anyone:
		return nil
	case who != config.Token:
		return errClosed
	case !creds.HasToken():
		return errNoToken
	case !creds.Authorizes(r.Authorization):
		return errUnauthorized
	}
	return nil
}
