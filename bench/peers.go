package main

import (
	"bytes"
	"embed"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"text/template"

	"golang.org/x/sys/unix"
)

// The peers by name.
const (
	baseline   = "baseline"
	nginx      = "nginx"
	h2o        = "h2o"
	haproxy    = "haproxy"
	caddy      = "caddy"
	redis      = "redis"
	etcd       = "etcd"
	postgresql = "postgresql"
	bareTLS    = "bare TLS loop"
	ownServer  = "foobar"
)

// The roots of bench/run, by the Debian release that their packages are of.
const (
	newest = "forky"
	older  = "bookworm" // the last release that has h2o
)

// A peer is a program that is measured.
type peer struct {
	name    string
	root    string   // of its package; "" if it is built here
	version []string // command that prints the version
	config  string   // file in peers, if it has one
	// prepare returns the command that starts the peer, with its data in dir, and
	// sets the fields of s that say how clients use it.
	prepare func(w *workdir, s *server, dir string) ([]string, error)
}

func peers() []peer {
	return []peer{
		{baseline, "", nil, "", prepareBaseline},
		{nginx, newest, []string{"/usr/sbin/nginx", "-v"}, "nginx.conf", prepareNginx},
		{h2o, older, []string{"/usr/bin/h2o", "--version"}, "h2o.yaml", prepareH2O},
		{haproxy, newest, []string{"/usr/sbin/haproxy", "-v"}, "haproxy.cfg", prepareHAProxy},
		{caddy, newest, []string{"/usr/bin/caddy", "version"}, "Caddyfile", prepareCaddy},
		{redis, newest, []string{"/usr/bin/redis-server", "--version"}, "redis.conf", prepareRedis},
		{etcd, newest, []string{"/usr/bin/etcd", "--version"}, "etcd.yaml", prepareEtcd},
		{postgresql, newest, []string{postgresBin + "postgres", "--version"}, "postgresql.conf", preparePostgreSQL},
		{bareTLS, "", nil, "", prepareBareTLS},
		{ownServer, "", nil, "", prepareFoobar},
		{thisTree, "", nil, "", prepareBuild},
		{revision, "", nil, "", prepareBuild},
	}
}

// findPeer panics if there is no peer of that name.
func findPeer(name string) peer {
	all := peers()
	return all[slices.IndexFunc(all, func(p peer) bool { return p.name == name })]
}

//go:embed peers
var configs embed.FS

// writeConfig fills in a file of peers and writes it to dir.
func writeConfig(w *workdir, s *server, dir, name string) (path string, err error) {
	text, err := template.ParseFS(configs, "peers/"+name)
	if err != nil {
		return "", err
	}
	host, port, err := net.SplitHostPort(s.address)
	if err != nil {
		return "", err
	}
	other, err := freeAddress()
	if err != nil {
		return "", err
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return "", err
	}
	keys := ""
	if w.ticketKeys {
		keys = filepath.Join(dir, "ticket-keys")
		if err := os.WriteFile(keys, ticketKeys(s.name), 0o600); err != nil {
			return "", err
		}
	}
	const ownFiles = 500 // of a proxy, which counts two files for a connection
	var config bytes.Buffer
	if err := text.Execute(&config, map[string]any{
		"Dir": dir, "Address": s.address, "Host": host, "Port": port, "PeerAddress": other,
		"Cert": w.credential("cert"), "Key": w.credential("key"), "PEM": filepath.Join(dir, "both.pem"),
		"Files": limit.Max, "Connections": limit.Max/2 - ownFiles,
		"TicketKeys": keys, "Sizes": staticSizes, "BufferSize": slices.Max(staticSizes) + 16*kib,
	}); err != nil {
		return "", err
	}
	path = filepath.Join(dir, name)
	return path, os.WriteFile(path, config.Bytes(), 0o644)
}

// describePeers prints versions and configurations of those that have one.
func (b *benchmark) describePeers() error {
	for _, p := range peers() {
		if p.config == "" {
			continue
		}
		text, err := configs.ReadFile("peers/" + p.config)
		if err != nil {
			return err
		}
		b.report.print("<details><summary>%s %s</summary>\n\n```\n%s```\n\n</details>\n\n", p.name, b.versionOf(p), bytes.TrimLeft(text, "\n"))
	}
	return nil
}

func root(int) string { return "/" }

// prepareFoobar starts the service with the shipped configuration and all its
// listeners open. limits.per_address is off: every client has one address.
func prepareFoobar(w *workdir, s *server, dir string) ([]string, error) {
	config := filepath.Join(w.repo, "src/config/conf.yaml")
	text, err := os.ReadFile(config)
	if err != nil {
		return nil, err
	}
	text = bytes.Replace(text, []byte("per_address: 2500"), []byte("per_address: 0"), 1)
	if w.connectionLimit > idleConnections {
		text = bytes.Replace(text, []byte("connections: 10000"), fmt.Appendf(nil, "connections: %d", w.connectionLimit+100), 1)
	}
	config = filepath.Join(dir, "conf.yaml")
	if err := os.WriteFile(config, text, 0o644); err != nil {
		return nil, err
	}
	return serviceCommand(w, s, w.bin(ownServer), config, dir)
}

// prepareBuild starts one side of a comparison with its own configuration.
func prepareBuild(w *workdir, s *server, dir string) ([]string, error) {
	return serviceCommand(w, s, w.bin(s.name), w.bin(s.name)+".yaml", dir)
}

func serviceCommand(w *workdir, s *server, binary, config, dir string) ([]string, error) {
	metrics, err := freeAddress()
	s.write = writeRequest{"POST", "/", w.token}
	s.path, s.put = root, s.putOverHTTPS
	return []string{binary, "-config", config, "-data", dir,
		"-cert", w.credential("cert"), "-key", w.credential("key"), "-token", w.credential("token"),
		"-listen", s.address, "-metrics-listen", metrics, "-admin-listen", filepath.Join(dir, "admin.sock")}, err
}

func prepareBaseline(w *workdir, s *server, dir string) ([]string, error) {
	s.write = writeRequest{"POST", "/", ""}
	s.path, s.put = root, s.putOverHTTPS
	return []string{w.bin("baseline"), "-config", filepath.Join(w.repo, "src/config/conf.yaml"), "-data", dir,
		"-cert", w.credential("cert"), "-key", w.credential("key"), "-listen", s.address}, nil
}

// prepareBareTLS starts the limit of what crypto/tls allows: bench/limit.
func prepareBareTLS(w *workdir, s *server, dir string) ([]string, error) {
	s.write = writeRequest{"POST", "/", ""}
	s.path = func(size int) string { return fmt.Sprintf("/%d", size) }
	s.put = func(int) error { return nil }
	return []string{w.bin("limit"), "-cert", w.credential("cert"), "-key", w.credential("key"), "-listen", s.address,
		"-file", filepath.Join(dir, "slot")}, nil
}

func prepareNginx(w *workdir, s *server, dir string) ([]string, error) {
	tree := fileTree(dir)
	s.path, s.put, s.write = tree.path, tree.put, writeRequest{"PUT", "/put/state", ""}
	config, err := writeConfig(w, s, dir, "nginx.conf")
	return w.inRoot(newest, "/usr/sbin/nginx", "-e", "stderr", "-c", config), err
}

func prepareH2O(w *workdir, s *server, dir string) ([]string, error) {
	tree := fileTree(dir)
	s.path, s.put = tree.path, tree.put
	config, err := writeConfig(w, s, dir, "h2o.yaml")
	return w.inRoot(older, "/usr/bin/h2o", "-c", config), err
}

// staticSizes are the sizes of the states that the tables of GET have. HAProxy
// reads them at its start.
var staticSizes = []int{kib, 64 * kib}

func prepareHAProxy(w *workdir, s *server, dir string) ([]string, error) {
	tree := fileTree(dir)
	s.path, s.put = tree.path, tree.put
	var pem []byte
	for _, name := range []string{"cert", "key"} {
		text, err := os.ReadFile(w.credential(name))
		if err != nil {
			return nil, err
		}
		pem = append(pem, text...)
	}
	if err := os.WriteFile(filepath.Join(dir, "both.pem"), pem, 0o600); err != nil {
		return nil, err
	}
	for _, size := range staticSizes {
		if err := tree.put(size); err != nil {
			return nil, err
		}
	}
	config, err := writeConfig(w, s, dir, "haproxy.cfg")
	return w.inRoot(newest, "/usr/sbin/haproxy", "-f", config), err
}

func prepareCaddy(w *workdir, s *server, dir string) ([]string, error) {
	tree := fileTree(dir)
	s.path, s.put = tree.path, tree.put
	config, err := writeConfig(w, s, dir, "Caddyfile")
	if err == nil && w.ticketKeys {
		return shareCaddyKeys(w, config)
	}
	return w.inRoot(newest, "/usr/bin/caddy", "run", "--config", config, "--adapter", "caddyfile"), err
}
