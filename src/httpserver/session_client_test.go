package httpserver

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// A peer is a client of HTTP/2 that sends what it is told to, frame by frame.
type peer struct {
	*http2.Framer
	conn    net.Conn
	section bytes.Buffer
	hpack   *hpack.Encoder
}

// call opens a connection and says no more than TLS needs.
func call(t *testing.T, e *running, conf *tls.Config) *peer {
	t.Helper()
	conf = conf.Clone()
	conf.NextProtos = []string{"h2"}
	c, err := tls.Dial("tcp", e.addr, conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	p := &peer{conn: c, Framer: http2.NewFramer(c, c)}
	p.AllowIllegalWrites = true
	p.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	p.hpack = hpack.NewEncoder(&p.section)
	return p
}

// meet opens a connection of HTTP/2 to h, with the client's settings.
func meet(t *testing.T, h Handler, s Settings, settings ...http2.Setting) (*peer, *running) {
	t.Helper()
	server, conf := certificate(t)
	e := start(t, h, s, server)
	p := call(t, e, conf)
	p.greet(settings...)
	return p, e
}

func (p *peer) greet(settings ...http2.Setting) {
	io.WriteString(p.conn, http2.ClientPreface)
	p.WriteSettings(settings...)
}

// usually are the fields of a GET, which fields, "name: value", replace or add
// to; without a value they take one away.
func usually(fields ...string) []string {
	all := []string{":method: GET", ":scheme: https", ":path: /", ":authority: a"}
	for _, f := range fields {
		name, value, _ := strings.Cut(f[1:], ": ")
		name = f[:1] + name
		i := slices.IndexFunc(all, func(have string) bool { return strings.HasPrefix(have, name+": ") })
		switch {
		case i >= 0 && value == "":
			all = slices.Delete(all, i, i+1)
		case i >= 0:
			all[i] = f
		default:
			all = append(all, f)
		}
	}
	return all
}

// encode is fields as HPACK has them.
func (p *peer) encode(fields []string) []byte {
	p.section.Reset()
	for _, f := range fields {
		name, value, _ := strings.Cut(f[1:], ": ")
		p.hpack.WriteField(hpack.HeaderField{Name: f[:1] + name, Value: value})
	}
	return slices.Clone(p.section.Bytes())
}

// ask sends the header section of a request, and end says that it is all.
func (p *peer) ask(id uint32, end bool, fields ...string) error {
	return p.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: p.encode(fields), EndHeaders: true, EndStream: end})
}

func (p *peer) get(id uint32) error  { return p.ask(id, true, usually()...) }
func (p *peer) post(id uint32) error { return p.ask(id, false, usually(":method: POST")...) }

// next is the next frame in words, without those that every connection has.
func (p *peer) next() string {
	p.conn.SetReadDeadline(time.Now().Add(3 * time.Second))
	for {
		f, err := p.ReadFrame()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return "silence"
		case err != nil:
			return "end"
		}
		switch f := f.(type) {
		case *http2.SettingsFrame, *http2.WindowUpdateFrame:
		case *http2.MetaHeadersFrame:
			return fmt.Sprintf("%d: %s%s", f.StreamID, f.PseudoValue("status"), ending(f.StreamEnded()))
		case *http2.DataFrame:
			return fmt.Sprintf("%d: %d bytes%s", f.StreamID, len(f.Data()), ending(f.StreamEnded()))
		case *http2.RSTStreamFrame:
			return fmt.Sprintf("%d: %v", f.StreamID, f.ErrCode)
		case *http2.GoAwayFrame:
			return fmt.Sprintf("GOAWAY %d %v", f.LastStreamID, f.ErrCode)
		case *http2.PingFrame:
			if !f.IsAck() {
				p.WritePing(true, f.Data)
			}
			return "PING"
		default:
			return fmt.Sprintf("%v", f)
		}
	}
}

func ending(end bool) string {
	if end {
		return ", end"
	}
	return ""
}

// wants reads frames and compares.
func (p *peer) wants(t *testing.T, frames ...string) {
	t.Helper()
	for _, want := range frames {
		if got := p.next(); got != want {
			t.Fatalf("got %q, want %q of %q", got, want, frames)
		}
	}
}

// find reads until there is a frame that starts with want, or nothing more.
func (p *peer) find(t *testing.T, want string) {
	t.Helper()
	for {
		got := p.next()
		if strings.HasPrefix(got, want) {
			return
		}
		if got == "end" || got == "silence" {
			t.Fatalf("got %s, want %q", got, want)
		}
	}
}
