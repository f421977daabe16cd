package request

import (
	"net/http"
	"strconv"
)

// A Response is the answer to a request. The strings are values of header
// fields, which are left out where they are empty.
type Response struct {
	Status int
	// Body is sent unless HasBody says otherwise; its length always is.
	Body                                       []byte
	ContentType, ETag, Allow                   string
	AcceptEncoding, AcceptRanges, ContentRange string
	RetryAfter, WWWAuthenticate                string
	// Close closes the connection after the response.
	Close bool
	// Done, if not nil, is to be called when the response has been written, or
	// cannot be written. Until then it counts as one that the client reads.
	Done func()
}

// HasBody reports whether the response to a request with this method has a
// body.
func (r *Response) HasBody(method string) bool {
	return method != http.MethodHead && r.Status != http.StatusNotModified
}

// Fields yields the header fields of the response, names in canonical form
// (http.CanonicalHeaderKey), but for those of the connection, the date and the
// length.
func (r *Response) Fields(yield func(name, value string) bool) {
	for _, f := range [...]struct{ name, value string }{
		{"X-Content-Type-Options", "nosniff"},
		{"Cache-Control", "no-cache"}, // a cache may keep the response, and must ask each time
		{"Etag", r.ETag},
		{"Accept-Encoding", r.AcceptEncoding},
		{"Accept-Ranges", r.AcceptRanges}, {"Content-Range", r.ContentRange},
		{"Allow", r.Allow}, {"Retry-After", r.RetryAfter},
		{"Www-Authenticate", r.WWWAuthenticate},
		{"Content-Type", r.ContentType},
	} {
		if f.value != "" && !yield(f.name, f.value) {
			return
		}
	}
}

// maxFields is how many header fields Write sets at most.
const maxFields = 12

// Write writes the response to a request with this method.
func (r *Response) Write(w http.ResponseWriter, method string) {
	h, values := w.Header(), make([]string, 0, maxFields) // one allocation for all values
	set := func(name, value string) bool {
		n := len(values)
		values = append(values, value)
		h[name] = values[n : n+1 : n+1] // of which Header.Add makes a copy
		return true
	}
	r.Fields(set)
	if r.Status != http.StatusNotModified {
		set("Content-Length", strconv.Itoa(len(r.Body)))
	}
	if r.Close {
		set("Connection", "close")
	}
	w.WriteHeader(r.Status)
	if r.HasBody(method) {
		_, _ = w.Write(r.Body) // an error ends the connection
	}
}

// TextType is the Content-Type of the messages of the service.
const TextType = "text/plain; charset=utf-8"

// RetryAfter is how many seconds a client is asked to wait when there is no room
// for its request.
const RetryAfter = "1"

// A Refusal is why a request is refused. It has the response but for the body, which
// is the message.
type Refusal struct {
	Response Response
	Message  string
}

// Refuse returns a Refusal with this status.
func Refuse(status int, message string) *Refusal {
	return &Refusal{Response{Status: status}, message}
}

// Error implements error.
func (r *Refusal) Error() string { return r.Message }

// Answer returns the response with its body.
func (r *Refusal) Answer() Response {
	resp := r.Response
	resp.ContentType, resp.Body = TextType, []byte(r.Message+"\n")
	return resp
}

// Busy returns the response to a request that there is no room for.
func Busy() Response {
	return (&Refusal{
		Response{Status: http.StatusServiceUnavailable, RetryAfter: RetryAfter, Close: true},
		"too many requests are in progress (limits.requests): try again later",
	}).Answer()
}
