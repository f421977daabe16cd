// Package api is what the service does with an HTTP request: which paths and
// methods exist, who may use them, what is stored and what the response is.
//
// An API is an http.Handler. It also serves without net/http's types (Serve),
// for package http1; the responses are the same. It accepts no connections and
// keeps no metrics: package httpserver does.
//
// Read api.go first, then read.go and write.go; errors.go has the status of each
// error, and http.go the way from and to net/http.
package api
