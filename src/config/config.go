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
	_ "embed"

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
