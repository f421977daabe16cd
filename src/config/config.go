// Package config reads conf.yaml, the configuration of the service.
//
// Reading is strict: an unknown or repeated key, a value of the wrong type and a
// value out of range are errors with file, line, column and what is allowed. No
// error quotes a value, because errors are logged and a file may have a secret
// in the wrong place. The package does not apply the configuration; each package
// has settings of its own, which package service fills in.
//
// Read config.go for the structure, conf.yaml for the meaning of each key and
// keys.go for the allowed values.
package config

import (
	"cmp"
	_ "embed"
	"slices"

	"go.uber.org/zap/zapcore"
)

// DefaultFile is the text of the conf.yaml that the package installs. It has
// every key, and its values are the defaults.
//
//go:embed conf.yaml
var DefaultFile []byte

// Config is the content of conf.yaml.
type Config struct {
	Log      Log
	Access   Access
	HTTP     HTTP
	Limits   Limits
	Timeouts Timeouts
	Cluster  Cluster
}

// Log selects what is logged.
type Log struct {
	Level zapcore.Level // the least severe level that is logged
	// Access enables a log entry for each request, at every level.
	Access bool
}

// Access has the rules for requests over HTTPS.
type Access struct {
	Read, Write AccessRule
	Health      AccessRule // GET and HEAD of /healthz, and OPTIONS *
}

// HTTP selects the versions of HTTP and what serves them.
type HTTP struct {
	Protocols Protocols // of the HTTPS listener
	// FastPath selects package http1 for HTTP/1.1, and net/http otherwise.
	FastPath bool
}

// Limits limits what clients can make the service hold in memory. Sizes are in
// bytes.
type Limits struct {
	State       Size // of the stored state
	Uploads     Size // of all uploads together
	Header      Size // of one request
	Requests    int
	Connections int
	PerAddress  int // connections of one client address, 0 for any number
}

// Timeouts limits how long a client can occupy a connection. Shutdown limits how
// long requests may go on after a stop has begun.
type Timeouts struct {
	Header, Body, Response, Idle, Shutdown Duration
}

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

var holders = map[AccessRule]string{
	Token:       "holders of a token",
	Certificate: "holders of a client certificate",
	Both:        "holders of a token and a client certificate",
}

// Holders returns who meets the rule, as a phrase for an administrator.
func (r AccessRule) Holders() string { return cmp.Or(holders[r], string(r)) }

// AllowsMoreThan reports whether a request that the other rule refuses may meet
// this one.
func (r AccessRule) AllowsMoreThan(other AccessRule) bool {
	needsLess := other.NeedsToken() && !r.NeedsToken() || other.NeedsCertificate() && !r.NeedsCertificate()
	return r != Nobody && (other == Nobody || needsLess)
}
