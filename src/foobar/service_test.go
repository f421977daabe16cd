package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestStoreAndReadOverHTTPS(t *testing.T) {
	p := start(t, "")
	for _, h2 := range []bool{false, true} {
		c := p.client(h2)
		want := fmt.Sprintf("hello, h2 %v", h2)
		if resp, text := p.do(c, "POST", want); resp.StatusCode != 200 || text != "ok" {
			t.Fatalf("POST: %d %q", resp.StatusCode, text)
		}
		resp, text := p.do(c, "GET", "")
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
	want, got := "hello, h2 true", ""
	for deadline := time.Now().Add(10 * time.Second); got != want && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		text, _ := os.ReadFile(filepath.Join(p.dir, "data/statefile")) // soon
		got = string(text)
	}
	if got != want {
		t.Errorf("statefile holds %q", got)
	}
}

func TestWriteNeedsTheToken(t *testing.T) {
	p := start(t, "")
	resp := must[*http.Response](t)(p.client(false).Post("https://"+p.https+"/", "", strings.NewReader("x")))
	resp.Body.Close()
	if resp.StatusCode != 401 || resp.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("without a token: %d", resp.StatusCode)
	}
	if _, err := os.Stat(filepath.Join(p.dir, "data/statefile")); err == nil {
		t.Error("something was stored")
	}
}

func TestAdminSocketNeedsNone(t *testing.T) {
	p := start(t, "access: {read: nobody, write: nobody}")
	c := p.administrator()
	resp := must[*http.Response](t)(c.Post("http://foobar/", "", strings.NewReader("by admin")))
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("POST over the admin socket: %d", resp.StatusCode)
	}
	if resp, _ := p.do(p.client(false), "GET", ""); resp.StatusCode != 403 {
		t.Errorf("GET over HTTPS: %d", resp.StatusCode)
	}
}

func TestMetricsSite(t *testing.T) {
	p := start(t, "")
	p.do(p.client(true), "POST", "hello")
	p.do(p.client(false), "GET", "")
	text := ""
	for range 100 { // a request is counted once its last byte is out
		_, text = p.scrape("/metrics")
		if strings.Contains(text, `in_flight{listener="https"} 0`) && strings.Contains(text, `code="200",listener="https",method="GET"`) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
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
		if code, _ := p.scrape(path); code != 200 {
			t.Errorf("%s: %d", path, code)
		}
	}
}

func TestReload(t *testing.T) {
	p := start(t, "")
	c := p.client(false)
	p.do(c, "POST", "hello")

	p.write("conf.yaml", "access: {read: token}\nlimits: {state: 10}\ntimeouts: {idle: 1s}\n")
	p.signal(syscall.SIGHUP)
	if m := p.message("RELOADING=1"); !strings.Contains(m, "\nMONOTONIC_USEC=") {
		t.Errorf("reloading with %q", m)
	}
	p.message("READY=1")
	if resp, _ := p.do(c, "GET", ""); resp.StatusCode != 401 || resp.Close {
		t.Errorf("an open connection after the reload: %d, close %v", resp.StatusCode, resp.Close)
	}
	if resp, _ := p.do(c, "POST", "more than 10 bytes"); resp.StatusCode != 413 {
		t.Errorf("a larger state than the new limit: %d", resp.StatusCode)
	}

	if _, text := p.scrape("/metrics"); !strings.Contains(text, "\nfoobar_state_limit_bytes 10\n") {
		t.Error("the metrics do not show the new limit")
	}

	p.write("conf.yaml", "access: {read: all}\n")
	p.signal(syscall.SIGHUP)
	if m := p.message("READY=1"); !strings.Contains(m, "RELOAD REJECTED") || !strings.Contains(m, "conf.yaml:1:16: access.read: allowed is") {
		t.Errorf("bad conf.yaml: %q", m)
	}
	if resp, _ := p.do(c, "GET", ""); resp.StatusCode != 401 {
		t.Errorf("after a refused reload: %d", resp.StatusCode)
	}
	if _, text := p.scrape("/metrics"); !strings.Contains(text, "foobar_config_last_reload_successful 0") {
		t.Error("the metric does not show the refusal")
	}
}

func TestReloadTakesANewCertificate(t *testing.T) {
	p := start(t, "")
	old := p.dial().ConnectionState().PeerCertificates[0]
	open := p.client(false)
	p.do(open, "POST", "hello")

	p.write("cert", "broken")
	p.signal(syscall.SIGHUP)
	if m := p.message("READY=1"); !strings.Contains(m, "RELOAD REJECTED") {
		t.Errorf("bad certificate: %q", m)
	}
	for _, name := range []string{"cert", "key"} {
		if err := os.Remove(filepath.Join(p.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	p.makeCredentials()
	p.signal(syscall.SIGHUP)
	if m := p.message("READY=1"); strings.Contains(m, "REJECTED") {
		t.Errorf("new certificate: %q", m)
	}
	if p.dial().ConnectionState().PeerCertificates[0].Equal(old) {
		t.Error("new handshakes get the old certificate")
	}
	if resp, text := p.do(open, "GET", ""); resp.StatusCode != 200 || text != "hello" {
		t.Errorf("the open connection: %d %q", resp.StatusCode, text)
	}
}

func TestStopFinishesWhatIsInFlight(t *testing.T) {
	p := start(t, "")
	idle := p.client(false)
	p.do(idle, "POST", "before")
	c := p.dial()
	fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: foobar.example\r\nAuthorization: Bearer %s\r\nContent-Length: 10\r\n\r\n01234", p.token())
	time.Sleep(100 * time.Millisecond) // the header is read
	p.signal(syscall.SIGTERM)
	p.message("STOPPING=1")
	time.Sleep(500 * time.Millisecond)
	io.WriteString(c, "56789")
	resp := must[*http.Response](t)(http.ReadResponse(bufio.NewReader(c), nil))
	text := must[[]byte](t)(io.ReadAll(resp.Body))
	if resp.StatusCode != 200 || string(text) != "ok" || !resp.Close {
		t.Errorf("in flight: %d %q, close %v", resp.StatusCode, text, resp.Close)
	}
	if code := p.exit(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	if got := p.read("data/statefile"); got != "0123456789" {
		t.Errorf("statefile holds %q", got)
	}
}

func TestStopEndsWithinTheConfiguredTime(t *testing.T) {
	p := start(t, "timeouts: {shutdown: 500ms}")
	c := p.dial()
	fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: foobar.example\r\nAuthorization: Bearer %s\r\nContent-Length: 10\r\n\r\n01234", p.token())
	time.Sleep(100 * time.Millisecond)
	began := time.Now()
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	if _, err := os.Stat(filepath.Join(p.dir, "data/statefile")); err == nil {
		t.Error("half a body was stored")
	}
}

// Clients that keep their connections, some of them busy, see no failed request
// when the service stops: each is told to close by an answer.
func TestStopFailsNoRequest(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("h2 %v", h2), func(t *testing.T) {
			p := start(t, "")
			p.do(p.client(h2), "POST", "hello")
			var answered, stop atomic.Int64
			var wg sync.WaitGroup
			for range 8 {
				c := p.client(h2)
				wg.Go(func() {
					for stop.Load() == 0 {
						resp, text, err := p.try(c, "GET", "")
						if err != nil {
							t.Errorf("a request failed: %v", err)
							return
						}
						answered.Add(1)
						if resp.StatusCode != 200 || text != "hello" {
							t.Errorf("%d %q", resp.StatusCode, text)
						}
						// A new connection would wait in the backlog for the next process.
						if resp.Close || h2 && stop.Load() != 0 {
							return
						}
					}
				})
			}
			time.Sleep(300 * time.Millisecond)
			if h2 {
				stop.Store(1)
				wg.Wait()
			}
			p.signal(syscall.SIGTERM)
			if code := p.exit(); code != 0 {
				t.Errorf("exit status %d", code)
			}
			wg.Wait()
			if answered.Load() < 8 {
				t.Errorf("%d requests answered", answered.Load())
			}
		})
	}
}

func TestSlowAndLargeClientsAreCutOff(t *testing.T) {
	p := start(t, "timeouts: {header: 300ms, body: 300ms, response: 300ms, idle: 300ms}\nlimits: {header: 2KiB}")
	token := p.token()
	for name, test := range map[string]struct {
		send, want string
	}{
		"no request":     {"", ""},
		"half a header":  {"GET / HTTP/1.1\r\nHost: x\r\n", ""},
		"half a body":    {"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + "\r\nContent-Length: 10\r\n\r\n01234", "HTTP/1.1 408 "},
		"large header":   {"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 10000) + "\r\n\r\n", "HTTP/1.1 431 "},
		"idle after one": {"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 "},
	} {
		t.Run(name, func(t *testing.T) {
			c := p.dial()
			io.WriteString(c, test.send)
			c.SetReadDeadline(time.Now().Add(10 * time.Second))
			text, err := io.ReadAll(c)
			if err != nil && !ended(err) {
				t.Errorf("the connection is still open: %v", err)
			}
			if !strings.HasPrefix(string(text), test.want) {
				t.Errorf("answer is %q, want %q", text, test.want)
			}
		})
	}
}

func TestConnectionsAreLimited(t *testing.T) {
	p := start(t, "limits: {connections: 2}")
	a := p.dial()
	p.dial()
	// The third waits in the backlog until one of the two goes.
	third := make(chan error, 1)
	go func() {
		_, _, err := p.try(p.client(false), "GET", "")
		third <- err
	}()
	select {
	case err := <-third:
		t.Fatalf("a third connection was served: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	a.Close()
	if err := <-third; err != nil {
		t.Errorf("after one has gone: %v", err)
	}
}

func TestExpectContinueIsAnsweredEarly(t *testing.T) {
	p := start(t, "limits: {state: 10}")
	for length, want := range map[int]string{5: "HTTP/1.1 100 ", 11: "HTTP/1.1 413 "} {
		c := p.dial()
		fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", p.token(), length)
		line := must[string](t)(bufio.NewReader(c).ReadString('\n'))
		if !strings.HasPrefix(line, want) {
			t.Errorf("Content-Length %d: %q, want %q", length, line, want)
		}
	}
}

func TestStatusFollowsAWrite(t *testing.T) {
	p := start(t, "")
	for _, body := range []string{"hello", "hello, world"} {
		p.do(p.client(false), "POST", body)
		p.message(fmt.Sprintf("state of %d", len(body)))
	}
}

func TestWatchdogIsFed(t *testing.T) {
	p := start(t, "", "WATCHDOG_USEC=300000")
	for range 3 {
		if m := p.message("WATCHDOG=1"); !strings.Contains(m, "STATUS=Serving HTTPS") {
			t.Errorf("fed with %q", m)
		}
	}
}

func TestNothingSecretIsLogged(t *testing.T) {
	p := start(t, "log: {level: debug} # hunter2\n")
	p.do(p.client(true), "POST", "a secret state")
	p.do(p.client(false), "GET", "")
	p.write("conf.yaml", "log: {level: hunter2}\n")
	p.signal(syscall.SIGHUP)
	p.message("REJECTED")
	p.signal(syscall.SIGTERM)
	p.exit()
	for _, secret := range []string{p.token(), "hunter2", "a secret state"} {
		if strings.Contains(p.log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

func TestWrongConfigurationExits78(t *testing.T) {
	for name, test := range map[string]struct {
		damage func(t *testing.T, p *process)
		env    []string
		want   string
	}{
		"conf.yaml":        {func(_ *testing.T, p *process) { p.write("conf.yaml", "log:\n  levle: info\n") }, nil, `conf.yaml:2:3: unknown key "log.levle"`},
		"no conf.yaml":     {func(t *testing.T, p *process) { os.Remove(p.dir + "/conf.yaml") }, nil, "conf.yaml: cannot be read"},
		"certificate":      {func(_ *testing.T, p *process) { p.write("cert", "x") }, nil, "certificate "},
		"no key":           {func(t *testing.T, p *process) { os.Remove(p.dir + "/key") }, nil, "key: open "},
		"token":            {func(_ *testing.T, p *process) { p.write("token", "short") }, nil, "token "},
		"no data":          {func(t *testing.T, p *process) { os.Remove(p.dir + "/data") }, nil, "-data: "},
		"unknown listener": {func(*testing.T, *process) {}, []string{"LISTEN_FDNAMES=http:metrics:admin:notify"}, `inherited socket "http": unknown name`},
		"watchdog":         {func(*testing.T, *process) {}, []string{"WATCHDOG_USEC=soon"}, "WATCHDOG_USEC"},
	} {
		t.Run(name, func(t *testing.T) {
			p := prepare(t, "")
			test.damage(t, p)
			p.spawn(test.env...)
			if code := p.exit(); code != 78 {
				t.Errorf("exit status %d", code)
			}
			if !strings.Contains(p.log.String(), test.want) {
				t.Errorf("said\n%swant %s", p.log, test.want)
			}
		})
	}
}

func TestAStateWithoutATokenCredentialIsClosed(t *testing.T) {
	p := prepare(t, "")
	token := p.token()
	if err := os.Remove(p.dir + "/token"); err != nil {
		t.Fatal(err)
	}
	p.spawn()
	p.message("READY=1")
	req := must[*http.Request](t)(http.NewRequest("POST", "https://"+p.https+"/", strings.NewReader("x")))
	req.Header.Set("Authorization", "Bearer "+token)
	resp := must[*http.Response](t)(p.client(false).Do(req))
	resp.Body.Close()
	if resp.StatusCode != 403 {
		t.Errorf("status %d", resp.StatusCode)
	}
	if !strings.Contains(p.log.String(), "no token credential") {
		t.Error("the log does not warn")
	}
}
