package service

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestStoreAndReadOverHTTPS(t *testing.T) {
	i := start(t, "")
	for _, h2 := range []bool{false, true} {
		c := i.client(h2)
		want := fmt.Sprintf("hello, h2 %v", h2)
		if resp, text := i.do(c, "POST", want); resp.StatusCode != 200 || text != "ok" {
			t.Fatalf("POST: %d %q", resp.StatusCode, text)
		}
		resp, text := i.do(c, "GET", "")
		if resp.StatusCode != 200 || text != want || (resp.ProtoMajor == 2) != h2 {
			t.Errorf("GET: %s %d %q", resp.Proto, resp.StatusCode, text)
		}
		for name, value := range map[string]string{
			"X-Content-Type-Options": "nosniff",
			"Content-Type":           "application/octet-stream",
			"Cache-Control":          "no-cache",
			"Accept-Ranges":          "bytes",
		} {
			if got := resp.Header.Get(name); got != value {
				t.Errorf("%s: %q, want %q", name, got, value)
			}
		}
		if resp.Header.Get("ETag") == "" || resp.Header.Get("Date") == "" {
			t.Errorf("ETag or Date is missing: %v", resp.Header)
		}
	}
	eventually(t, "the statefile follows", func() bool {
		text, _ := os.ReadFile(filepath.Join(i.dir, "data/statefile"))
		return string(text) == "hello, h2 true"
	})
}

// TestSeveralSocketsOfOneName passes two sockets of one name. Both are served, and share
// the limits.
func TestSeveralSocketsOfOneName(t *testing.T) {
	i := newInstance(t, "limits: {connections: 10, per_address: 1}")
	second := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	i.moreHTTPS = []net.Listener{second}
	i.run()
	if m, want := i.message("READY=1"), "STATUS=Serving HTTPS on "+i.https+", "+second.Addr().String()+": "; !strings.Contains(m, want) {
		t.Errorf("ready with %q, want %q", m, want)
	}
	first := i.dial()
	i.https = second.Addr().String()
	if _, _, err := i.try(i.client(false), "GET", ""); err == nil {
		t.Error("a second connection of one address was served")
	}
	first.Close()
	eventually(t, "the second address answers", func() bool {
		resp, _, err := i.try(i.client(false), "GET", "")
		return err == nil && resp.StatusCode == 404
	})
	if err := i.end(); err != nil {
		t.Error(err)
	}
	if c, err := net.Dial("tcp", i.https); err == nil {
		c.Close()
		t.Error("the second address is still open")
	}
}

func TestWriteNeedsTheToken(t *testing.T) {
	i := start(t, "")
	resp := must[*http.Response](t)(i.client(false).Post("https://"+i.https+"/", "", strings.NewReader("x")))
	resp.Body.Close()
	if resp.StatusCode != 401 || resp.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("without a token: %d", resp.StatusCode)
	}
	if _, err := os.Stat(filepath.Join(i.dir, "data/statefile")); err == nil {
		t.Error("something was stored")
	}
}

func TestAdminSocketNeedsNoToken(t *testing.T) {
	i := start(t, "access: {read: nobody, write: nobody}")
	resp := must[*http.Response](t)(i.administrator().Post("http://foobar/", "", strings.NewReader("by admin")))
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("POST over the admin socket: %d", resp.StatusCode)
	}
	if resp, _ := i.do(i.client(false), "GET", ""); resp.StatusCode != 403 {
		t.Errorf("GET over HTTPS: %d", resp.StatusCode)
	}
}

func TestWithoutATokenCredentialWritesAreRefused(t *testing.T) {
	i := newInstance(t, "")
	token := i.token()
	if err := os.Remove(i.dir + "/token"); err != nil {
		t.Fatal(err)
	}
	i.run()
	i.waitReady()
	req := must[*http.Request](t)(http.NewRequest("POST", "https://"+i.https+"/", strings.NewReader("x")))
	req.Header.Set("Authorization", "Bearer "+token)
	resp := must[*http.Response](t)(i.client(false).Do(req))
	resp.Body.Close()
	if resp.StatusCode != 403 {
		t.Errorf("status %d", resp.StatusCode)
	}
	if !strings.Contains(i.log(), "no token credential") {
		t.Error("the log does not warn")
	}
}

func TestMetricsListener(t *testing.T) {
	i := start(t, "")
	i.do(i.client(true), "POST", "hello")
	i.do(i.client(false), "GET", "")
	text := ""
	eventually(t, "a request is counted once its last byte is sent", func() bool {
		_, text = i.scrape("/metrics")
		return strings.Contains(text, `in_flight{listener="https"} 0`) && strings.Contains(text, `code="200",listener="https",method="GET"`)
	})
	for _, want := range []string{
		`foobar_http_requests_total{code="200",listener="https",method="POST"} 1`,
		`foobar_http_requests_total{code="200",listener="https",method="GET"} 1`,
		`foobar_state_size_bytes 5`,
		`foobar_state_write_duration_seconds_count 1`,
		`foobar_config_last_reload_successful 1`,
		`foobar_http_requests_in_flight{listener="https"} 0`,
		`foobar_http_connections{listener="https"} 2`,
		`foobar_http_connections{listener="admin"} 0`,
		`foobar_http_connections_limit 10000`,
		`foobar_state_limit_bytes 1.6777216e+07`,
		`foobar_state_filesystem_avail_bytes `,
		`foobar_watchdog_last_ping_timestamp_seconds 1`,
		`foobar_watchdog_ping_interval_seconds `,
		`foobar_tls_certificate_not_before_timestamp_seconds 1`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("/metrics does not show %s", want)
		}
	}
	for _, path := range []string{"/", "/healthz", "/readyz"} {
		if code, _ := i.scrape(path); code != 200 {
			t.Errorf("%s: %d", path, code)
		}
	}
}

func TestExpectContinueIsAnsweredBeforeTheBody(t *testing.T) {
	i := start(t, "limits: {state: 10}")
	for length, want := range map[int]string{5: "HTTP/1.1 100 ", 11: "HTTP/1.1 413 "} {
		c := i.dial()
		fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", i.token(), length)
		line := must[string](t)(bufio.NewReader(c).ReadString('\n'))
		if !strings.HasPrefix(line, want) {
			t.Errorf("Content-Length %d: %q, want %q", length, line, want)
		}
	}
}

func TestNoSecretIsLogged(t *testing.T) {
	i := start(t, "log: {level: debug} # hunter2\n")
	i.do(i.client(true), "POST", "a secret state")
	i.do(i.client(false), "GET", "")
	i.write("conf.yaml", "log: {level: hunter2}\n")
	i.reloaded()
	i.end()
	for _, secret := range []string{i.token(), "hunter2", "a secret state"} {
		if strings.Contains(i.log(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}
