package http1

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"foobar/src/api"
	"foobar/src/engine"
)

// send writes a response and returns how many bytes its body has. Small ones
// leave in one record and one system call; of large ones, the first record
// takes the header section with it, and the rest goes out without being copied.
func (b *requestBuffers) send(c engine.Conn, resp *api.Response, now time.Time, id, method, connection string) (sent int64, err error) {
	b.out = appendHeader(b.out[:0], resp, now, id, connection)
	if !resp.HasBody(method) {
		resp.Body = nil // and not in memory for as long as the client reads
	}
	body := resp.Body
	n := min(len(body), max(0, engine.MaxTLSRecord-len(b.out)))
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

// appendHeader appends the header section of a response. The values are the
// handler's: a line break in one ends there, so that it cannot forge a field.
func appendHeader(b []byte, resp *api.Response, now time.Time, id, connection string) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(resp.Status), 10)
	b = append(append(b, ' '), http.StatusText(resp.Status)...)
	b = now.UTC().AppendFormat(append(b, "\r\nDate: "...), http.TimeFormat)
	for name, value := range resp.Fields {
		b = appendField(b, name, value)
	}
	for _, f := range [...]struct{ name, value string }{{"X-Request-Id", id}, {"Connection", connection}} {
		if f.value != "" {
			b = appendField(b, f.name, f.value)
		}
	}
	if resp.Status != http.StatusNotModified {
		b = append(b, "\r\nContent-Length: "...)
		b = strconv.AppendInt(b, int64(len(resp.Body)), 10)
	}
	return append(b, "\r\n\r\n"...)
}

func appendField(b []byte, name, value string) []byte {
	value, _, _ = strings.Cut(value, "\r")
	value, _, _ = strings.Cut(value, "\n")
	b = append(append(b, "\r\n"...), name...)
	return append(append(b, ": "...), value...)
}
