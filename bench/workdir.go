package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// A workdir is the directory that bench/run has prepared: bin has the programs
// that are built here, roots/NAME the files of programs from Debian packages,
// packages what makepkg made, and credentials what all servers use. Servers have
// their data in it.
type workdir struct {
	path  string
	repo  string
	token string
	cores string // of the servers
	// connectionLimit raises foobar's limit of connections above the shipped one
	// if it is larger.
	connectionLimit int
	// ticketKeys has the peers keep the keys of their session tickets in a file.
	ticketKeys bool
}

func openWorkdir(path, repo string) (*workdir, error) {
	token, err := os.ReadFile(filepath.Join(path, "credentials/token"))
	if err != nil {
		return nil, err
	}
	return &workdir{path: path, repo: repo, token: strings.TrimSpace(string(token)), cores: serverCore}, nil
}

func (w *workdir) bin(name string) string        { return filepath.Join(w.path, "bin", name) }
func (w *workdir) credential(name string) string { return filepath.Join(w.path, "credentials", name) }

// inRoot returns a command that runs a program of Debian's package in its own
// root directory, in which the workdir has the same path as here. The host needs
// neither the package nor its libraries.
func (w *workdir) inRoot(root string, args ...string) []string {
	return append([]string{"chroot", filepath.Join(w.path, "roots", root)}, args...)
}

// asNobody is inRoot without privileges.
func (w *workdir) asNobody(root string, args ...string) []string {
	return append([]string{"chroot", "--userspec=65534:65534", filepath.Join(w.path, "roots", root)}, args...)
}

// startServers starts peers by name, each with a directory of its own.
func (w *workdir) startServers(names ...string) (_ []*server, err error) {
	var servers []*server
	defer func() {
		if err != nil {
			stopServers(servers)
		}
	}()
	for _, name := range names {
		s, err := w.startServer(name)
		if err != nil {
			return nil, fmt.Errorf("start %s: %w", name, err)
		}
		servers = append(servers, s)
	}
	return servers, nil
}

func stopServers(servers []*server) {
	for _, s := range servers {
		s.stop()
	}
}

// startServer starts a peer and waits until it is ready.
func (w *workdir) startServer(name string) (*server, error) {
	dir, err := os.MkdirTemp(w.path, name+"-")
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s := &server{name: name, address: address, workdir: w}
	s.ready = s.handshake
	command, err := findPeer(name).prepare(w, s, dir)
	if err != nil {
		return nil, err
	}
	if err := s.launch(command, dir); err != nil {
		return nil, err
	}
	return s, nil
}

// launch starts the command of a server, whose data is in dir, and waits until the
// server is ready.
func (s *server) launch(command []string, dir string) error {
	p, err := s.workdir.start(s.name, command)
	if err != nil {
		return err
	}
	s.pids, s.check = p.pids, p.check
	s.stop = func() {
		p.stop()
		os.RemoveAll(dir)
	}
	s.restart = func() error {
		p.stop()
		return s.launch(command, dir)
	}
	if err := s.waitReady(); err != nil {
		s.stop()
		return err
	}
	return nil
}

// freeAddress returns an unused port of the loopback interface, below those that
// the kernel gives to clients. The kernel could give such a port to a client
// while its server restarts, and a client that waits for the server could even
// connect to itself.
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
