package http1

import (
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"foobar/src/api"
)

// maxTLSRecord is the largest record that TLS sends, in bytes.
const maxTLSRecord = 16 << 10

// send writes a response and returns how many bytes its body has. Small ones
// leave in one record and one system call; of large ones, the first record
// takes the header section with it, and the rest goes out without being copied.
func (b *requestBuffers) send(c Conn, resp *api.Response, date, id, method string, last bool) (sent int64, err error) {
	b.out = appendHeader(b.out[:0], resp, date, id, last)
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

// appendHeader appends the header section of a response. The values are the
// handler's: a line break in one ends there, so that it cannot forge a field.
func appendHeader(b []byte, resp *api.Response, date, id string, last bool) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(resp.Status), 10)
	b = append(append(b, ' '), http.StatusText(resp.Status)...)
	b = appendField(b, "Date", date)
	for name, value := range resp.Fields {
		b = appendField(b, name, value)
	}
	if id != "" {
		b = appendField(b, "X-Request-Id", id)
	}
	if resp.Status != http.StatusNotModified {
		b = append(b, "\r\nContent-Length: "...)
		b = strconv.AppendInt(b, int64(len(resp.Body)), 10)
	}
	if last {
		b = appendField(b, "Connection", "close")
	}
	return append(b, "\r\n\r\n"...)
}

func appendField(b []byte, name, value string) []byte {
	for _, end := range [...]byte{'\r', '\n'} {
		if i := strings.IndexByte(value, end); i >= 0 {
			value = value[:i]
		}
	}
	b = append(append(b, "\r\n"...), name...)
	return append(append(b, ": "...), value...)
}

// A dateClock gives the Date field, which it formats once a second.
type dateClock struct{ last atomic.Pointer[formattedDate] }

type formattedDate struct {
	second int64
	text   string
}

func (c *dateClock) at(now time.Time) string {
	last := c.last.Load()
	if last == nil || last.second != now.Unix() {
		last = &formattedDate{now.Unix(), now.UTC().Format(http.TimeFormat)}
		c.last.Store(last)
	}
	return last.text
}
