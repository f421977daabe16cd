// Package request is what the server knows of a request beside its content: the
// client, the ID in the log, and the response, such as why the request is refused.
//
// Read client.go first, then response.go.
package request
