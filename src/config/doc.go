// Package config reads conf.yaml, the configuration of the service.
//
// Reading is strict: an unknown or repeated key, a value of the wrong type and a
// value out of range are errors with file, line, column and what is allowed. No
// error quotes a value, because errors are logged and a file may have a secret
// in the wrong place. The package does not apply the configuration; each package
// has settings of its own, which package foobar fills in.
//
// Read config.go for the structure, conf.yaml for the meaning of each key and
// keys.go for the allowed ranges.
package config
