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

// A program is one that keeps a state, on a machine, as a client sees it from
// the host.
type program struct {
	name   string
	token  string
	client *http.Client
}

// programs returns foobar and the control on a machine that is up.
func programs(t testing.TB, m *Machine) (foobar, baseline *program) {
	t.Helper()
	m.Shell(t, "systemctl is-active foobar; systemctl is-active baseline")
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(m.Shell(t, "cat /etc/foobar/credentials/cert"))) {
		t.Fatal("no certificate in the machine's cert")
	}
	token := strings.TrimSpace(m.Shell(t, "cat /etc/foobar/credentials/token"))
	return &program{"foobar", token, client(m, httpsPort, roots)},
		&program{"the control", "", client(m, baselinePort, roots)}
}

func client(m *Machine, port int, roots *x509.CertPool) *http.Client {
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

// get reads the state, of whatever status.
func (p *program) get() (observed, error) {
	r, err := p.client.Get("https://localhost/")
	if err != nil {
		return observed{}, err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	return observed{r.StatusCode, sha256.Sum256(body), body}, err
}

// waitFor reads the state once the program answers.
func (p *program) waitFor(t testing.TB, m *Machine) (found observed) {
	t.Helper()
	m.waitForAgent(t)
	m.eventually(t, bootTime, func() (err error) {
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
	answer, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if r.StatusCode/100 != 2 || string(answer) != "ok" {
		return fmt.Errorf("POST is answered %d: %q", r.StatusCode, answer)
	}
	return nil
}

// write stores states, several at a time and one after the other, until the
// context ends. What is answered with anything but "ok" is told to refused,
// and so is nothing that the end of the context interrupts.
func (p *program) write(ctx context.Context, h *history, writers int, random *rand.Rand, refused func(error)) {
	var group sync.WaitGroup
	for writer := range writers {
		chance := rand.New(rand.NewPCG(random.Uint64(), random.Uint64()))
		group.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				name := fmt.Sprintf("write %d of writer %d, %x", n, writer, chance.Uint64())
				body := state(name, chance)
				w := h.begin(name, body)
				if err := p.post(ctx, body); err == nil {
					h.acknowledge(w)
				} else if ctx.Err() == nil {
					refused(err)
				}
			}
		})
	}
	group.Wait()
}

// state is a body that begins with its name; small ones are as likely as large
// ones.
func state(name string, chance *rand.Rand) []byte {
	size := int(math.Exp(chance.Float64() * math.Log(largest)))
	body := []byte(name + "\n")
	for len(body) < size {
		body = append(body, byte(chance.Uint32()))
	}
	return body
}
