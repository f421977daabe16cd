package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"foobar/bench/load"

	"golang.org/x/sys/unix"
)

// A starter is a way to bring the service up.
type starter struct {
	name   string
	server *server
	start  func() *exec.Cmd
	stop   func() error
}

// start measures from the command that starts the service to the first answered
// request.
func (b *bench) start() error {
	m, err := b.place.boot()
	if err != nil {
		return err
	}
	defer m.stop()
	inUnit, err := b.inUnit(m)
	if err != nil {
		return err
	}
	starters := []starter{inUnit}
	c := container{b.place.dir + "/container"}
	defer c.remove()
	if inside, err := b.inContainer(c); err != nil {
		fmt.Fprintln(os.Stderr, "bench: no container to compare with:", err)
	} else {
		starters = append(starters, inside)
	}
	times := make([][]float64, len(starters))
	for range 4*b.rounds + 1 {
		for i, s := range starters {
			took, err := s.once()
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			times[i] = append(times[i], float64(took.Microseconds())/1000)
		}
	}
	b.report.section("Start")
	b.report.paragraph("From the command to the first answered GET, %d times in turn, on all cores.", 4*b.rounds+1)
	var rows [][]string
	for i, s := range starters {
		rows = append(rows, []string{s.name, spreadOf(times[i]).format("%.0f")})
	}
	b.report.table([]string{"", "ms"}, rows)
	return nil
}

func (b *bench) inUnit(m *machine) (starter, error) {
	// The first start makes the credentials.
	if err := m.exec(nil, "systemctl", "start", unit); err != nil {
		return starter{}, err
	}
	s, err := m.server(b.place, unit, "127.0.0.1:8080")
	if err != nil {
		return starter{}, err
	}
	return starter{"`systemctl start foobar`, the sandbox included", s,
		func() *exec.Cmd { return m.command("systemctl", "start", unit) },
		func() error { return m.exec(nil, "systemctl", "stop", unit) }}, s.serve(kib)
}

// A container is an image with the binary and nothing else, in a store of its
// own.
type container struct{ dir string }

const containerName = "foobar-bench"

func (c container) podman(args ...string) *exec.Cmd {
	return onAllCores(append([]string{"podman", "--root", c.dir + "/store", "--runroot", c.dir + "/run", "--runtime", "runc"}, args...)...)
}

// remove takes away what podman leaves, a mount included.
func (c container) remove() {
	c.podman("rm", "--force", "--all", "--time", "1").Run() // there may be none
	unix.Unmount(c.dir+"/store/overlay", unix.MNT_DETACH)   // and no such mount
}

func (c container) image(binary string) error {
	if err := os.MkdirAll(c.dir+"/data", 0o755); err != nil {
		return err
	}
	archive := c.dir + "/image.tar"
	if err := quietly(exec.Command("tar", "-C", filepath.Dir(binary), "-cf", archive, filepath.Base(binary))); err != nil {
		return err
	}
	return quietly(c.podman("import", archive, containerName))
}

func (b *bench) inContainer(c container) (starter, error) {
	if err := c.image(b.place.bin("foobar")); err != nil {
		return starter{}, err
	}
	s, err := b.place.containerServer()
	if err != nil {
		return starter{}, err
	}
	run := append([]string{"run", "--detach", "--name", containerName, "--network", "host",
		"--volume", c.dir + "/data:/data", "--volume", b.place.dir + "/credentials:/credentials:ro"}, limits()...)
	run = append(run, containerName, "/foobar", "-data", "/data", "-listen", s.address,
		"-cert", "/credentials/cert", "-key", "/credentials/key", "-token", "/credentials/token")
	if err := quietly(c.podman(run...)); err != nil {
		return starter{}, err
	}
	if err := s.ready(); err != nil {
		return starter{}, err
	}
	return starter{"`podman run` (runc, the host's network), the same binary", s,
		func() *exec.Cmd { return c.podman(run...) },
		func() error { return quietly(c.podman("rm", "--force", "--time", "10", containerName)) }}, s.serve(kib)
}

// containerServer is foobar at a free address.
func (p *place) containerServer() (*server, error) {
	address, err := freeAddress()
	s := &server{name: "container", address: address, path: root, write: write{"POST", "/", p.token}, check: func() error { return nil }}
	s.put = s.post
	return s, err
}

// once stops the service, and times how it comes up.
func (s starter) once() (time.Duration, error) {
	if err := s.stop(); err != nil {
		return 0, err
	}
	command := s.start()
	begin := time.Now()
	started := make(chan error, 1)
	go func() { started <- quietly(command) }()
	took, err := s.answers(begin, started)
	if err != nil {
		return 0, err
	}
	return took, <-started
}

// answers waits for the first answer, or for the command to fail.
func (s starter) answers(begin time.Time, started chan error) (time.Duration, error) {
	for {
		err := getOnce(s.server)
		if err == nil {
			return time.Since(begin), nil
		}
		select {
		case failed := <-started:
			if failed != nil {
				return 0, failed
			}
			started <- nil // it is up, and about to answer
		default:
		}
		if time.Since(begin) > 30*time.Second {
			return 0, fmt.Errorf("no answer after the start: %w", err)
		}
		time.Sleep(500 * time.Microsecond)
	}
}

func getOnce(s *server) error {
	c, err := s.target().Connect()
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Exchange(load.Get(s.path(kib)))
	return err
}
