// Package httpserver serves HTTP on one listener: accepting and limiting
// connections, TLS and ALPN, limits and timeouts that can change while it runs,
// metrics, the access log, request IDs, panics, and a shutdown that cuts no
// request off. What the requests mean is decided by the Handler, which can be any
// http.Handler.
//
// HTTP/2 is net/http's. So is HTTP/1.1, unless Options.FastPath names a handler
// for package http1. Both engines get connections whose TLS handshake is done
// (conn), and report to the same observer.
//
// Read server.go first, then conn.go (one connection), nethttp.go (net/http's
// part) and shutdown.go.
package httpserver
