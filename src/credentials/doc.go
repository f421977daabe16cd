// Package credentials loads the service's certificate, key, tokens and client
// authorities, replaces them while the service runs, and generates them for a
// first start.
//
// Load reads and validates all files together; a Set is the immutable result. A
// Store has the Set in use and replaces it only by one that is valid. The
// package does not decide who may do what: package api asks it whether a token
// or a client certificate is valid.
//
// Read credentials.go first.
package credentials
