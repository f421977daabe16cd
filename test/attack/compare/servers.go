package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"foobar/test/attack"
)

// stateSize is the size of the resource, in bytes.
const stateSize = 16 << 20

// serverCore is the processor of the server. test/attack/run starts this program,
// with attacker and client, on the other.
const serverCore = "0"

// A peer is a server that is attacked.
type peer struct {
	name   string
	writes bool // clients can replace the resource
	start  func(o options, a attack.Attack, dir string) (*attack.Service, error)
}

func peers() []peer {
	return []peer{
		{"foobar", true, startFoobar},
		{"net/http", true, startNetHTTP},
		{"nginx", true, startNginx},
		{"caddy", false, startCaddy},
	}
}

// suits reports whether the server has what the attack is about.
func (p peer) suits(a attack.Attack) bool {
	switch a.Needs {
	case attack.Certificate:
		return p.name == "foobar"
	case attack.Writer:
		return p.writes
	}
	return true
}

func startFoobar(o options, a attack.Attack, dir string) (*attack.Service, error) {
	return attack.StartService(o.program, dir, a.Config(), onServerCore()...)
}

// onServerCore is what starts a command on the server's processor.
func onServerCore(command ...string) []string {
	return append([]string{"taskset", "-c", serverCore}, command...)
}

func startNetHTTP(o options, _ attack.Attack, dir string) (*attack.Service, error) {
	if err := attack.InitCredentials(o.program, dir); err != nil {
		return nil, err
	}
	address, err := attack.FreeAddress()
	if err != nil {
		return nil, err
	}
	token, err := os.ReadFile(filepath.Join(dir, "token"))
	if err != nil {
		return nil, err
	}
	s := &attack.Service{Target: attack.Target{Address: address, Path: "/", Token: strings.TrimSpace(string(token))}}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return s, start(s, self, "-serve", address, "-dir", dir)
}

func startNginx(o options, _ attack.Attack, dir string) (*attack.Service, error) {
	s := &attack.Service{Target: attack.Target{Path: "/put/state"}}
	config, err := prepare(o, s, dir, "nginx.conf")
	if err != nil {
		return nil, err
	}
	return s, start(s, o.inRoot("/usr/sbin/nginx", "-e", "stderr", "-c", config)...)
}

func startCaddy(o options, _ attack.Attack, dir string) (*attack.Service, error) {
	s := &attack.Service{Target: attack.Target{Path: "/state"}}
	config, err := prepare(o, s, dir, "Caddyfile")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "state"), make([]byte, stateSize), 0o644); err != nil {
		return nil, err
	}
	return s, start(s, o.inRoot("/usr/bin/caddy", "run", "--config", config, "--adapter", "caddyfile")...)
}

// inRoot returns the command of a program of the unpacked packages. Their dynamic
// linker starts it, because the host may lack its libraries.
func (o options) inRoot(program string, args ...string) []string {
	usr := filepath.Join(o.roots, "usr")
	libraries := filepath.Join(usr, "lib/x86_64-linux-gnu")
	return append([]string{filepath.Join(usr, "lib64/ld-linux-x86-64.so.2"), "--library-path", libraries, o.roots + program}, args...)
}

// prepare makes credentials, and writes the configuration that the benchmark has
// for a server.
func prepare(o options, s *attack.Service, dir, name string) (config string, err error) {
	if s.Address, err = attack.FreeAddress(); err != nil {
		return "", err
	}
	if err := attack.InitCredentials(o.program, dir); err != nil {
		return "", err
	}
	text, err := template.ParseFiles(filepath.Join(o.repo, "bench/peers", name))
	if err != nil {
		return "", err
	}
	host, port, err := net.SplitHostPort(s.Address)
	if err != nil {
		return "", err
	}
	var filled bytes.Buffer
	if err := text.Execute(&filled, map[string]any{
		"Dir": dir, "Address": s.Address, "Host": host, "Port": port, "Files": openFiles,
		"Cert": filepath.Join(dir, "cert"), "Key": filepath.Join(dir, "key"),
	}); err != nil {
		return "", err
	}
	written := bytes.Replace(filled.Bytes(), []byte("http {\n"), []byte("http {\n"+temporaryPaths(dir)), 1)
	config = filepath.Join(dir, name)
	return config, os.WriteFile(config, written, 0o644)
}

// temporaryPaths are directives of nginx. It would keep temporary files in
// /var/lib, which is not there without its package.
func temporaryPaths(dir string) string {
	var lines strings.Builder
	for _, kind := range []string{"proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&lines, "  %s_temp_path %s/%s;\n", kind, dir, kind)
	}
	return lines.String()
}

// openFiles is how many files nginx may open.
const openFiles = 20000

// start starts a server on its processor, waits until it answers and stores the
// resource.
func start(s *attack.Service, command ...string) error {
	var err error
	if s.Process, err = attack.StartProcess(onServerCore(command...)...); err != nil {
		return err
	}
	err = attack.Poll(30*time.Second, func() error {
		if err := s.Err(); err != nil {
			return err
		}
		c, err := tls.Dial("tcp", s.Address, &tls.Config{InsecureSkipVerify: true})
		if err == nil {
			c.Close()
		}
		return err
	})
	if err == nil && s.Path != "/state" {
		s.Write = func() error { return attack.Put("https://"+s.Address+s.Path, s.Token, stateSize) }
		err = s.Write()
	}
	if err != nil {
		s.Stop()
	}
	return err
}
