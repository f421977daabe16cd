// Package http1 is the fast path for HTTP/1.1, RFC 9112: one loop that reads,
// parses, answers and writes on the goroutine of its connection, for handlers
// that need no more than package api's types. Its Server is an engine.Engine.
//
// It is stricter than net/http: what recipients are known to read in different
// ways is refused, so that nothing can be smuggled past a proxy. It accepts no
// connections, knows no TLS and keeps no metrics; package httpserver provides the
// connections, and counts and logs the requests.
//
// Read server.go first, then request.go: readHeader, parse, serveRequest.
package http1
