//go:build testbed

package compatibility

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"foobar/test/documents"
)

const (
	document = "../../docs/compatibility.md"
	proxies  = "../../docs/proxies.md"
)

// TestClients runs the cases with the fast path and with net/http alone.
func TestClients(t *testing.T) {
	installNeeds(t)
	goclient := filepath.Join(t.TempDir(), "goclient")
	output(t, "", "go", "build", "-o", goclient, "./goclient")
	for _, fastPath := range []bool{true, false} {
		t.Run(fmt.Sprintf("fast_path=%v", fastPath), func(t *testing.T) {
			s := startService(t, fastPath)
			for _, c := range Cases() {
				t.Run(c.Client+"/"+c.Does, func(t *testing.T) { s.run(t, c, goclient) })
			}
		})
	}
}

// installNeeds installs the clients. What a distribution does not have makes its
// own cases fail.
func installNeeds(t *testing.T) {
	t.Helper()
	needs := append([]string{"needs"}, Needs()...)
	if python3() == "" {
		needs = append(needs, "requests=python3-requests:python-requests") // a module, and no command of a host
	}
	if out, err := exec.Command("../machine", needs...).CombinedOutput(); err != nil {
		t.Logf("install the clients: %v\n%s", err, out)
	}
}

// run runs one case.
func (s *service) run(t *testing.T, c Case, goclient string) {
	s.setState(t, State)
	dir, port := t.TempDir(), freePort(t)
	s.writeConfigurations(t, dir, port)
	testdata, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", ". \"$testdata/functions.sh\"\n"+c.Script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "url=https://localhost:"+s.port, "host=localhost", "port="+s.port, "proxy="+port, "cert="+s.cert, "token="+s.token,
		"bearer=Authorization: Bearer "+s.token, "python="+python3(), "goclient="+goclient, "testdata="+testdata)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = 5 * time.Second
	err = cmd.Run()
	if !regexp.MustCompile(`^(?:`+c.Output+`)$`).MatchString(stdout.String()) || err != nil {
		t.Errorf("%v, output %q, want %q\n%s", err, stdout.String(), c.Output, stderr.String())
	}
	if got, want := s.state(t), c.stored(); got != want {
		t.Errorf("the state is %q, want %q", got, want)
	}
}

// stored returns the state after the case.
func (c Case) stored() string {
	switch c.Stored {
	case "":
		return State
	case Empty:
		return ""
	}
	return c.Stored
}

// python3 returns an interpreter that has the module requests, or "".
func python3() string {
	for _, program := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(program, "-c", "import requests").Run() == nil {
			return program
		}
	}
	return ""
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// writeConfigurations writes the files of docs/proxies.md with the addresses and
// files of this service, and Prometheus's.
func (s *service) writeConfigurations(t *testing.T, dir, port string) {
	t.Helper()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	read := func(path string) string { return documents.Text(t, path) }
	site := filepath.Join(dir, "site.pem")
	write("site.pem", read(s.cert)+read(s.key))
	replace := strings.NewReplacer("127.0.0.1:8080", "127.0.0.1:"+s.port, "port 8081", "port "+s.metricsPort, "listen 443", "listen 127.0.0.1:"+port,
		"bind :443", "bind 127.0.0.1:"+port, "/etc/nginx/site.pem", site, "/etc/nginx/site.key", s.key, "/etc/haproxy/site.pem", site,
		"/etc/foobar/credentials/cert", s.cert)
	write("nginx.conf", "pid nginx.pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n"+replace.Replace(documents.Fence(t, proxies, "nginx"))+"}\n")
	write("haproxy.cfg", replace.Replace(documents.Fence(t, proxies, "haproxy")))
	write("prometheus.yml", "scrape_configs:\n- job_name: foobar\n  scrape_interval: 1s\n  static_configs:\n  - targets: ['127.0.0.1:"+s.metricsPort+"']\n")
}

// TestDocument compares docs/compatibility.md with the cases, or writes it.
func TestDocument(t *testing.T) {
	text := Document(Cases())
	if os.Getenv("FOOBAR_WRITE") != "" {
		if err := os.WriteFile(document, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if documents.Text(t, document) != text {
		t.Errorf("%s does not have the cases: write it with FOOBAR_WRITE=1", document)
	}
}
