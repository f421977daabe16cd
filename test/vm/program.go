//go:build vm

package vm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// largest is the size of the largest state that a writer stores, in bytes.
const largest = 256 << 10

// A program keeps a state on a machine. Its clients are on the host.
type program struct {
	name   string
	token  string
	client *http.Client
}

// findPrograms returns foobar and the control on a machine that is up.
func findPrograms(t testing.TB, m *Machine) (ownProgram, baseline *program) {
	t.Helper()
	m.Shell(t, "systemctl is-active foobar; systemctl is-active baseline")
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(m.Shell(t, "cat /etc/foobar/credentials/cert"))) {
		t.Fatal("no certificate in the machine's cert")
	}
	token := strings.TrimSpace(m.Shell(t, "cat /etc/foobar/credentials/token"))
	return &program{"foobar", token, newClient(m, httpsPort, roots)},
		&program{"the control", "", newClient(m, baselinePort, roots)}
}

func newClient(m *Machine, port int, roots *x509.CertPool) *http.Client {
	return &http.Client{
		Timeout: 20 * time.Second,
		Transport: &http.Transport{
			TLSClientConfig:     &tls.Config{RootCAs: roots},
			MaxIdleConnsPerHost: 16,
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, m.Address(port))
			},
		},
	}
}

// get reads the state; the status may be any.
func (p *program) get() (response, error) {
	r, err := p.client.Get("https://localhost/")
	if err != nil {
		return response{}, err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	return response{r.StatusCode, sha256.Sum256(body), body}, err
}

// waitFor waits until the program answers and reads the state.
func (p *program) waitFor(t testing.TB, m *Machine) (found response) {
	t.Helper()
	m.waitForAgent(t)
	m.eventually(t, platformOf(*arch).bootTime, func() (err error) {
		p.client.CloseIdleConnections()
		found, err = p.get()
		return err
	})
	return found
}

// post stores a state.
func (p *program) post(ctx context.Context, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, "POST", "https://localhost/", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+p.token)
	r, err := p.client.Do(request)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if r.StatusCode/100 != 2 || string(text) != "ok" {
		return fmt.Errorf("POST got status %d: %q", r.StatusCode, text)
	}
	return nil
}

// write stores states with several writers until the context ends. failed gets
// the error of each write that is not answered "ok", except where the end of the
// context interrupts it.
func (p *program) write(ctx context.Context, h *history, writers int, rng *rand.Rand, failed func(error)) {
	var group sync.WaitGroup
	for writer := range writers {
		rng := rand.New(rand.NewPCG(rng.Uint64(), rng.Uint64()))
		group.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				name := fmt.Sprintf("write %d of writer %d, %x", n, writer, rng.Uint64())
				body := newState(name, rng)
				w := h.begin(name, body)
				if err := p.post(ctx, body); err == nil {
					h.acknowledge(w)
				} else if ctx.Err() == nil {
					failed(err)
				}
			}
		})
	}
	group.Wait()
}

// newState returns a body that begins with its name. The logarithm of its size is
// distributed uniformly, so that small bodies are as likely as large ones.
func newState(name string, rng *rand.Rand) []byte {
	size := int(math.Exp(rng.Float64() * math.Log(largest)))
	body := []byte(name + "\n")
	for len(body) < size {
		body = append(body, byte(rng.Uint32()))
	}
	return body
}
