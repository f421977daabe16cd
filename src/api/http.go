package api

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"foobar/src/request"
)

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { ServeHTTP(a, w, r) }

// ServeHTTP answers r by s.
func ServeHTTP(s Service, w http.ResponseWriter, r *http.Request) {
	req, err := newRequest(r)
	req.Body = r.Body
	if r.ContentLength != 0 {
		req.Interrupt = func() { _ = http.NewResponseController(w).SetReadDeadline(time.Now()) }
	}
	var resp Response
	if err != nil {
		resp = errorResponse(req, err)
	} else {
		resp = s.Serve(r.Context(), req)
	}
	if resp.Done != nil {
		defer resp.Done()
	}
	resp.Write(w, r.Method)
}

// newRequest returns the request without its body, even with an error.
func newRequest(r *http.Request) (*Request, error) {
	from := request.OriginOf(r)
	req := &Request{
		ID: from.ID, Client: from.Client, Method: r.Method, Path: r.URL.Path, Protocol: r.Proto,
		ContentLength: r.ContentLength,
		NoLength:      r.ContentLength == 0 && r.Header["Content-Length"] == nil,
	}
	if req.Path == "" && r.Method != http.MethodConnect {
		req.Path = "/" // RFC 9110, section 4.2.3
	}
	if !ValidHost(r.Host) && (r.Host != "" || r.ProtoAtLeast(1, 1)) {
		return req, errHost
	}
	for name, lines := range r.Header {
		for _, line := range lines {
			if err := AddField(req, name, line); err != nil {
				return req, err
			}
		}
	}
	return req, nil
}

// ValidHost reports whether an https URI can have host, which httpguts accepts as
// a value of the field Host.
func ValidHost(host string) bool {
	name, port, _ := strings.Cut(host, ":")
	unusual := func(c rune) bool {
		return !(c == '.' || c == '-' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z')
	}
	if name != "" && !strings.ContainsFunc(name, unusual) && strings.Trim(port, "0123456789") == "" {
		return true // without the allocations of url.Parse
	}
	u, err := url.Parse("https://" + host)
	return err == nil && u.Hostname() != ""
}
