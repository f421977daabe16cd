package httpserver

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"foobar/src/access"
	"foobar/src/api"
	"foobar/src/config"
	"foobar/src/credentials"
	"foobar/src/state"

	"go.uber.org/zap"
)

// newAPI returns an API over a state of its own, and a token for it.
func newAPI(t *testing.T) (*api.API, string) {
	t.Helper()
	dir := t.TempDir()
	if _, err := credentials.Generate(dir, credentials.Request{Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	files := credentials.Files{
		Cert: filepath.Join(dir, credentials.CertFile), Key: filepath.Join(dir, credentials.KeyFile), Token: filepath.Join(dir, credentials.TokenFile),
	}
	creds, err := credentials.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	token, err := os.ReadFile(files.Token)
	if err != nil {
		t.Fatal(err)
	}
	store, err := state.Open(state.Options{
		Dir: t.TempDir(), CheckpointDelay: time.Second,
		OnCommit: func(time.Duration, time.Duration, int) {}, Log: func(string, error) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	settings := api.Settings{State: 20 << 10, Uploads: 1 << 20}
	return api.New(store, access.New(credentials.NewStore(creds), config.Default().Access), zap.NewNop(), settings), strings.TrimSpace(string(token))
}

// A sample is a request that can be made several times.
type sample struct {
	method, path string
	header       http.Header
	body         string
	known        bool // the length of the body
}

func (s sample) send(c *http.Client) (string, error) {
	var body io.Reader = strings.NewReader(s.body)
	if !s.known {
		body = io.MultiReader(body)
	}
	if s.method == http.MethodGet || s.method == http.MethodHead {
		body = nil
	}
	req, err := http.NewRequest(s.method, "https://example.com"+s.path, body)
	if err != nil {
		return "", err
	}
	req.Header = s.header
	resp, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	resp.Header.Del("Connection") // of the protocol
	if s.method == http.MethodPost || s.method == http.MethodPut {
		resp.Header.Del("Etag") // new with each write
	}
	var said strings.Builder
	fmt.Fprintf(&said, "%d %d ", resp.StatusCode, resp.ContentLength)
	fmt.Fprintf(&said, "%s%q", responseFields(resp.Header), text)
	return said.String(), err
}

func randomSample(rng *rand.Rand, token, etag string) sample {
	pick := func(of ...string) string { return of[rng.IntN(len(of))] }
	s := sample{
		method: pick("GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"),
		path:   pick("/", "/", "/", "/a", "/?b", "/%2f"), header: http.Header{},
		body: strings.Repeat("x", rng.IntN(30<<10)), known: rng.IntN(2) == 0,
	}
	for name, values := range map[string][]string{
		"Authorization": {"Bearer " + token, "Bearer " + token, "Bearer no", "Basic eA=="},
		"If-Match":      {etag, "*", `"a"`, `W/"a", ` + etag, ""},
		"If-None-Match": {etag, "*", `"a"`, "W/" + etag},
		"Range":         {"bytes=0-0", "bytes=-5", "bytes=100000-", "bytes=1-2,4-5", "x=1"},
		"If-Range":      {etag, `"a"`},
		"Content-Range": {"bytes 0-0/1"}, "Content-Encoding": {"identity", "gzip", ""},
	} {
		if rng.IntN(3) == 0 || name == "Authorization" {
			s.header.Set(name, pick(values...))
		}
	}
	if rng.IntN(10) == 0 {
		s.header.Add("Range", "bytes=0-0") // perhaps the second: that is ambiguous
	}
	return s
}

// TestAnswersAreTheSame sends the same random requests to the API through each engine.
func TestAnswersAreTheSame(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	a, token := newAPI(t)
	server, conf := certificate(t)
	clients := map[protocol]*http.Client{}
	for _, g := range engines {
		clients[g] = client(t, start(t, a, g.settings(longTimeouts()), server), conf, g)
	}
	for range 300 {
		etag := `"none"`
		resp, err := clients[engines[0]].Get("https://example.com/")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if tag := resp.Header.Get("Etag"); tag != "" {
			etag = tag
		}
		s := randomSample(rng, token, etag)
		if s.method == http.MethodPost || s.method == http.MethodPut {
			s.header.Del("If-Match") // holds once at most
			s.header.Del("If-None-Match")
		}
		first, err := s.send(clients[engines[0]])
		if err != nil {
			t.Fatalf("%v: %v", s, err)
		}
		if s.method == http.MethodPut {
			first = strings.Replace(first, "201", "200", 1) // the first write of all
		}
		for _, g := range engines[1:] {
			other, err := s.send(clients[g])
			if err != nil || other != first {
				t.Fatalf("%s %s %v, %d bytes\n%s: %s\n%s: %s, %v", s.method, s.path, s.header, len(s.body), engines[0].name, first, g.name, other, err)
			}
		}
	}
}
