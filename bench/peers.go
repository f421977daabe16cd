package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// A place is the directory that bench/run has made: bin with the programs,
// credentials, and room for what servers keep.
type place struct {
	dir   string
	repo  string
	token string
}

// The peers by name, in the order of the tables.
const (
	baseline = "baseline"
	nginx    = "nginx"
	caddy    = "caddy"
	foobar   = "foobar"
)

func openPlace(dir, repo string) (*place, error) {
	token, err := os.ReadFile(filepath.Join(dir, "credentials/token"))
	if err != nil {
		return nil, err
	}
	return &place{dir: dir, repo: repo, token: strings.TrimSpace(string(token))}, nil
}

func (p *place) bin(name string) string  { return filepath.Join(p.dir, "bin", name) }
func (p *place) cert(name string) string { return filepath.Join(p.dir, "credentials", name) }

// start brings peers up, each with a directory of its own.
func (p *place) start(names ...string) (_ []*server, err error) {
	var servers []*server
	defer func() {
		if err != nil {
			stop(servers)
		}
	}()
	for _, name := range names {
		s, err := p.startOne(name)
		if err != nil {
			return nil, fmt.Errorf("start %s: %w", name, err)
		}
		servers = append(servers, s)
		if err := s.ready(); err != nil {
			return servers, err
		}
	}
	return servers, nil
}

func stop(servers []*server) {
	for _, s := range servers {
		s.stop()
	}
}

func (p *place) startOne(name string) (*server, error) {
	dir, err := os.MkdirTemp(p.dir, name+"-")
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s := &server{name: name, address: address, openssl: filepath.Join(p.dir, "openssl.cnf")}
	var command []string
	switch name {
	case foobar:
		command, err = p.foobar(s, dir)
	case baseline:
		command = p.baseline(s, dir)
	case nginx:
		command, err = p.nginx(s, dir)
	case caddy:
		command, err = p.caddy(s, dir)
	}
	if err != nil {
		return nil, err
	}
	process, err := onServerCore(command...)
	if err != nil {
		return nil, err
	}
	s.pids, s.check = process.pids, process.check
	s.stop = func() {
		process.stop()
		os.RemoveAll(dir)
	}
	return s, nil
}

// freeAddress finds a port on the loopback interface, below those that the
// kernel gives to clients: one of them could take it while its server restarts,
// and a client that waits for the server could even connect to itself.
func freeAddress() (string, error) {
	var err error
	for range 100 {
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(20000))); err == nil {
			defer l.Close()
			return l.Addr().String(), nil
		}
	}
	return "", err
}

// foobar is the service with the shipped configuration, all its listeners open.
func (p *place) foobar(s *server, dir string) ([]string, error) {
	metrics, err := freeAddress()
	s.write = write{"POST", "/", p.token}
	s.path, s.put = root, s.post
	return []string{p.bin("foobar"), "-config", filepath.Join(p.repo, "src/config/conf.yaml"), "-data", dir,
		"-cert", p.cert("cert"), "-key", p.cert("key"), "-token", p.cert("token"),
		"-listen", s.address, "-metrics-listen", metrics, "-admin-listen", filepath.Join(dir, "admin.sock")}, err
}

func (p *place) baseline(s *server, dir string) []string {
	s.write = write{"POST", "/", ""}
	s.path, s.put = root, s.post
	return []string{p.bin("baseline"), "-config", filepath.Join(p.repo, "src/config/conf.yaml"), "-data", dir,
		"-cert", p.cert("cert"), "-key", p.cert("key"), "-listen", s.address}
}

func root(int) string { return "/" }

// nginx is at its best: no log, open files kept, tickets on.
func (p *place) nginx(s *server, dir string) ([]string, error) {
	content := files(dir)
	s.path, s.put, s.write = content.path, content.put, write{"PUT", "/put/state", ""}
	config := filepath.Join(dir, "nginx.conf")
	err := os.WriteFile(config, fmt.Appendf(nil, `
user root;
worker_processes 1;
worker_rlimit_nofile 65536;
daemon off;
pid %[1]s/pid;
error_log stderr crit;
events { worker_connections 20000; }
http {
  access_log off;
  sendfile on;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  open_file_cache max=100;
  client_max_body_size 16m;
  client_body_temp_path %[1]s/temporary;
  server {
    listen %[2]s ssl http2 backlog=4096;
    ssl_certificate %[3]s;
    ssl_certificate_key %[4]s;
    ssl_protocols TLSv1.3;
    ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
    ssl_session_cache shared:tls:1m;
    ssl_session_tickets on;
    root %[1]s;
    location /put/ {
      dav_methods PUT;
      create_full_put_path on;
    }
  }
}
`, dir, s.address, p.cert("cert"), p.cert("key")), 0o600)
	return []string{"nginx", "-e", "stderr", "-c", config}, err
}

func (p *place) caddy(s *server, dir string) ([]string, error) {
	content := files(dir)
	s.path, s.put = content.path, content.put
	config := filepath.Join(dir, "Caddyfile")
	_, port, err := net.SplitHostPort(s.address)
	if err != nil {
		return nil, err
	}
	err = os.WriteFile(config, fmt.Appendf(nil, `{
	admin off
	persist_config off
	auto_https off
	storage file_system %[4]s
	log {
		level ERROR
	}
	servers {
		protocols h1 h2
	}
}
https://:%[1]s {
	bind 127.0.0.1
	tls %[2]s %[3]s
	root %[4]s
	file_server
}
`, port, p.cert("cert"), p.cert("key"), dir), 0o600)
	return []string{p.bin("caddy"), "run", "--config", config, "--adapter", "caddyfile"}, err
}
