package http1

import (
	"foobar/src/api"
)

const (
	// maxTLSRecord is the largest record that TLS sends, in bytes.
	maxTLSRecord = 16 << 10
	requestID    = "X-Request-Id"
)

// send writes a response and returns how many bytes its body has. Small ones
// leave in one record and one system call; of large ones, the first record
// takes the header section with it, and the rest goes out without being copied.
func (b *requestBuffers) send(c Conn, resp *api.Response, id, method string, last bool) (sent int64, err error) {
	b.out = append(b.out[:0], b.headerSection(resp, id, last)...)
	body := resp.Body
	if !resp.HasBody(method) {
		body = nil
	}
	n := min(len(body), max(0, maxTLSRecord-len(b.out)))
	b.out = append(b.out, body[:n]...)
	if n == len(body) {
		_, err = c.Write(b.out)
	} else {
		err = c.WriteBoth(b.out, body[n:])
	}
	if err != nil {
		c.Abort() // TLS would wait to send its closing alert
		return 0, err
	}
	return int64(len(body)), nil
}

func (b *requestBuffers) headerSection(resp *api.Response, id string, last bool) []byte {
	h := &b.response
	h.Reset()
	h.SetNoDefaultContentType(true)
	h.SetStatusCode(resp.Status)
	if last {
		h.SetConnectionClose()
	}
	for name, value := range resp.Fields {
		b.setField(name, value)
	}
	if id != "" {
		b.setField(requestID, id)
	}
	h.SetContentLength(len(resp.Body))
	return h.Header()
}

// setField sets a field whose name is in canonical form.
func (b *requestBuffers) setField(name, value string) {
	b.field = append(append(b.field[:0], name...), value...)
	b.response.SetCanonical(b.field[:len(name)], b.field[len(name):])
}
