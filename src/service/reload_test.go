package service

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReload(t *testing.T) {
	i := start(t, "")
	c := i.client(false)
	i.do(c, "POST", "hello")

	i.write("conf.yaml", "access: {read: token}\nlimits: {state: 10}\ntimeouts: {idle: 1s}\n")
	i.reload <- os.Interrupt
	if m := i.message("RELOADING=1"); !strings.Contains(m, "\nMONOTONIC_USEC=") {
		t.Errorf("reloading with %q", m)
	}
	i.message("READY=1")
	// net/http closes a connection whose settings have changed.
	if resp, _ := i.do(c, "GET", ""); resp.StatusCode != 401 || resp.Close && os.Getenv("FOOBAR_FAST_PATH") != "false" {
		t.Errorf("an open connection after the reload: %d, close %v", resp.StatusCode, resp.Close)
	}
	if resp, _ := i.do(c, "POST", "more than 10 bytes"); resp.StatusCode != 413 {
		t.Errorf("a larger state than the new limit: %d", resp.StatusCode)
	}
	if _, text := i.scrape("/metrics"); !strings.Contains(text, "\nfoobar_state_limit_bytes 10\n") {
		t.Error("the metrics do not show the new limit")
	}

	i.write("conf.yaml", "access: {read: all}\n")
	if m := i.reloaded(); !strings.Contains(m, "RELOAD REJECTED") || !strings.Contains(m, "conf.yaml:1:16: access.read: allowed is") {
		t.Errorf("bad conf.yaml: %q", m)
	}
	if resp, _ := i.do(c, "GET", ""); resp.StatusCode != 401 {
		t.Errorf("after a rejected reload: %d", resp.StatusCode)
	}
	if _, text := i.scrape("/metrics"); !strings.Contains(text, "foobar_config_last_reload_successful 0") {
		t.Error("the metric does not show the rejection")
	}
}

func TestReloadTakesANewCertificate(t *testing.T) {
	i := start(t, "")
	old := i.dial().ConnectionState().PeerCertificates[0]
	open := i.client(false)
	i.do(open, "POST", "hello")

	i.write("cert", "broken")
	if m := i.reloaded(); !strings.Contains(m, "RELOAD REJECTED") {
		t.Errorf("bad certificate: %q", m)
	}
	for _, name := range []string{"cert", "key"} {
		if err := os.Remove(filepath.Join(i.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	i.makeCredentials()
	if m := i.reloaded(); strings.Contains(m, "REJECTED") {
		t.Errorf("new certificate: %q", m)
	}
	if i.dial().ConnectionState().PeerCertificates[0].Equal(old) {
		t.Error("new handshakes get the old certificate")
	}
	if resp, text := i.do(open, "GET", ""); resp.StatusCode != 200 || text != "hello" {
		t.Errorf("the open connection: %d %q", resp.StatusCode, text)
	}
}

func TestTokensRotateByReload(t *testing.T) {
	i := start(t, "")
	first, c := i.token(), i.client(false)
	post := func(token string) int {
		t.Helper()
		req := must[*http.Request](t)(http.NewRequest("POST", "https://"+i.https+"/", strings.NewReader("x")))
		req.Header.Set("Authorization", "Bearer "+token)
		resp := must[*http.Response](t)(c.Do(req))
		resp.Body.Close()
		return resp.StatusCode
	}
	const second = "the-token-of-tomorrow"
	for _, test := range []struct {
		file        string
		first, then int
	}{
		{first + "\n", 200, 401},
		{"# old\n" + first + "\n# new\n" + second + "\n", 200, 200},
		{second + "\n", 401, 200},
	} {
		i.write("token", test.file)
		i.reloaded()
		if a, b := post(first), post(second); a != test.first || b != test.then {
			t.Errorf("%q: %d and %d, want %d and %d", test.file, a, b, test.first, test.then)
		}
	}
}

func TestReloadThatOpensAccessIsLogged(t *testing.T) {
	i := newInstance(t, "access: {read: token, write: nobody}")
	token := i.read("token")
	i.run()
	i.waitReady()
	const opens = "the reload opens "
	for _, test := range []struct{ conf, token, want string }{
		{"access: {read: token, write: nobody} # again", token, ""},
		{"", token, "writing over HTTPS to holders of a token; it was open to nobody"},
		{"access: {read: nobody, write: token}", token, ""},
		{"access: {read: nobody, write: token}", "", ""},
		{"access: {read: nobody, write: token}", token, "writing over HTTPS to holders of a token; it was open to nobody"},
		{"access: {read: all}", token, ""}, // rejected
		{"access: {read: nobody, health: nobody}", token, ""},
		{"access: {read: nobody, health: token}", token, "/healthz over HTTPS to holders of a token; it was open to nobody"},
		{"access: {read: anyone}", token, "reading over HTTPS to anyone; it was open to nobody"},
	} {
		before := len(i.log())
		i.write("conf.yaml", test.conf)
		if i.write("token", test.token); test.token == "" {
			os.Remove(filepath.Join(i.dir, "token"))
		}
		i.reloaded()
		log := i.log()[before:]
		if test.want == "" && strings.Contains(log, opens) || !strings.Contains(log, test.want) {
			t.Errorf("conf.yaml %q, token %v:\n%s", test.conf, test.token != "", log)
		}
	}
	if !strings.Contains(i.log(), opens+"reading over HTTPS to anyone; it was open to holders of a token") {
		t.Error("a conf.yaml without content opens reading, and the log does not say so")
	}
}

// TestReloadLogsWhatWasRead wants the log to state how many certificates, tokens and
// authorities were read, and to warn of those that work for some clients only.
func TestReloadLogsWhatWasRead(t *testing.T) {
	i := start(t, "")
	before := len(i.log())
	i.write("token", strings.Repeat("a", 76)+"\n"+strings.Repeat("b", 20)+"\n")
	i.reloaded()
	log := i.log()[before:]
	for _, want := range []string{
		`"credentials":["certificates: 1, for foobar.example, localhost, 127.0.0.1, ::1","tokens: 2","authorities of client certificates: 0"]`,
		`"token file: lines 1 and 2 look like one token`,
	} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not have %s:\n%s", want, log)
		}
	}
}
