package httpserver

import (
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"testing"
)

// TestProtocols connects each client under each list of protocols, which change while the
// server runs. An empty want is a handshake that fails.
func TestProtocols(t *testing.T) {
	const http1, h2 = "http/1.1", "h2"
	server, conf := certificate(t)
	e := start(t, &echo{}, defaultSettings, server)
	for _, c := range []struct {
		served, offered []string
		want            string
	}{
		{[]string{http1, h2}, []string{h2, http1}, http1},
		{[]string{http1, h2}, []string{h2}, h2},
		{[]string{http1, h2}, nil, "none"},
		{[]string{http1, h2}, []string{"h3"}, ""},
		{[]string{http1, h2}, []string{"http/1.0"}, "http/1.0"},
		{[]string{h2, http1}, []string{"http/1.0", http1}, http1},
		{[]string{h2}, []string{"http/1.0"}, ""},
		{[]string{h2, http1}, []string{http1, h2}, h2},
		{[]string{h2, http1}, []string{http1}, http1},
		{[]string{http1}, []string{h2, http1}, http1},
		{[]string{http1}, []string{h2}, ""},
		{[]string{http1}, nil, "none"},
		{[]string{h2}, []string{h2, http1}, h2},
		{[]string{h2}, []string{http1}, ""},
		{[]string{h2}, nil, ""},
	} {
		s := defaultSettings
		s.Protocols = c.served
		e.Apply(s)
		conf := conf.Clone()
		conf.NextProtos = c.offered
		got := ""
		if conn, err := tls.Dial("tcp", e.addr, conf); err == nil {
			if got = conn.ConnectionState().NegotiatedProtocol; got == "" {
				got = "none"
			}
			conn.Close()
		}
		if got != c.want {
			t.Errorf("%s served, %s offered: %q, want %q", strings.Join(c.served, " "), strings.Join(c.offered, " "), got, c.want)
		}
	}
}

// TestHandlerSeesTLS checks that any http.Handler can tell TLS from plain HTTP, although
// net/http gets a tlsConn.
func TestHandlerSeesTLS(t *testing.T) {
	server, conf := certificate(t)
	seen := make(chan *tls.ConnectionState, 1)
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r.TLS })
	change := func(l net.Listener, o *Options) net.Listener {
		o.Handler = handler
		return l
	}
	for _, g := range engines[1:] {
		e := startWith(t, &echo{}, g.settings(defaultSettings), server, change)
		resp, err := client(t, e, conf, g).Get("https://example.com/")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if state := <-seen; state == nil || state.ServerName != conf.ServerName {
			t.Errorf("%s: the handler sees %v", g.name, state)
		}
	}
	e := startWith(t, &echo{}, engines[1].settings(defaultSettings), nil, change)
	sendRaw(t, e.addr, get("Connection: close\r\n"))
	if state := <-seen; state != nil {
		t.Errorf("without TLS, the handler sees %v", state)
	}
}
