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

// A starter is one way to start the service.
type starter struct {
	name   string
	server *server
	start  func() *exec.Cmd
	stop   func() error
}

// start measures from the command that starts the service to the first answered
// request.
func (b *benchmark) start() error {
	m, err := b.workdir.boot()
	if err != nil {
		return err
	}
	defer m.stop()
	inUnit, err := b.startInUnit(m)
	if err != nil {
		return err
	}
	starters := []starter{inUnit}
	c := container{b.workdir.path + "/container"}
	defer c.remove()
	if inside, err := b.startInContainer(c); err != nil {
		fmt.Fprintln(os.Stderr, "bench: no container to compare with:", err)
	} else {
		starters = append(starters, inside)
	}
	times := make([][]float64, len(starters))
	for range 2 * b.rounds {
		for i, s := range starters {
			took, err := s.restart()
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			times[i] = append(times[i], float64(took.Microseconds())/1000)
		}
	}
	b.report.title("Start")
	b.report.paragraph("From the command to the first answered GET, %d times in turn, on all cores.", 2*b.rounds)
	var rows [][]string
	for i, s := range starters {
		rows = append(rows, []string{s.name, summarize(times[i]).format("%.0f")})
	}
	b.report.table([]string{"", "ms"}, rows)
	return nil
}

func (b *benchmark) startInUnit(m *machine) (starter, error) {
	// The first start makes the credentials.
	if err := m.exec(nil, "systemctl", "start", unit); err != nil {
		return starter{}, err
	}
	s, err := m.server(b.workdir, unit, "127.0.0.1:8080")
	if err != nil {
		return starter{}, err
	}
	return starter{"`systemctl start foobar`, the sandbox included", s,
		func() *exec.Cmd { return m.command("systemctl", "start", unit) },
		func() error { return m.exec(nil, "systemctl", "stop", unit) }}, s.serve(kib)
}

// A container is an image with the binary and nothing else, in a store of its
// own below dir.
type container struct{ dir string }

const containerName = "foobar-bench"

func (c container) podman(args ...string) *exec.Cmd {
	return onAllCores(append([]string{"podman", "--root", c.dir + "/store", "--runroot", c.dir + "/run", "--runtime", "runc"}, args...)...)
}

// remove removes the containers and a mount that podman leaves.
func (c container) remove() {
	c.podman("rm", "--force", "--all", "--time", "1").Run() // there may be no container
	unix.Unmount(c.dir+"/store/overlay", unix.MNT_DETACH)   // and no mount
}

func (c container) image(binary string) error {
	if err := os.MkdirAll(c.dir+"/data", 0o755); err != nil {
		return err
	}
	archive := c.dir + "/image.tar"
	if err := runQuiet(exec.Command("tar", "-C", filepath.Dir(binary), "-cf", archive, filepath.Base(binary))); err != nil {
		return err
	}
	return runQuiet(c.podman("import", archive, containerName))
}

func (b *benchmark) startInContainer(c container) (starter, error) {
	if err := c.image(b.workdir.bin("foobar")); err != nil {
		return starter{}, err
	}
	s, err := b.workdir.containerServer()
	if err != nil {
		return starter{}, err
	}
	run := append([]string{"run", "--detach", "--name", containerName, "--network", "host",
		"--volume", c.dir + "/data:/data", "--volume", b.workdir.path + "/credentials:/credentials:ro"}, limits()...)
	run = append(run, containerName, "/foobar", "-data", "/data", "-listen", s.address,
		"-cert", "/credentials/cert", "-key", "/credentials/key", "-token", "/credentials/token")
	if err := runQuiet(c.podman(run...)); err != nil {
		return starter{}, err
	}
	if err := s.waitReady(); err != nil {
		return starter{}, err
	}
	return starter{"`podman run` (runc, the host's network), the same binary", s,
		func() *exec.Cmd { return c.podman(run...) },
		func() error { return runQuiet(c.podman("rm", "--force", "--time", "10", containerName)) }}, s.serve(kib)
}

// containerServer is foobar at a free address.
func (w *workdir) containerServer() (*server, error) {
	address, err := freeAddress()
	s := &server{name: "container", address: address, workdir: w, path: root, write: writeRequest{"POST", "/", w.token}, check: func() error { return nil }}
	s.put, s.ready = s.putOverHTTPS, s.handshake
	return s, err
}

// restart stops the service, and returns how long it then takes to start.
func (s starter) restart() (time.Duration, error) {
	if err := s.stop(); err != nil {
		return 0, err
	}
	command := s.start()
	begin := time.Now()
	started := make(chan error, 1)
	go func() { started <- runQuiet(command) }()
	took, err := s.waitAnswer(begin, started)
	if err != nil {
		return 0, err
	}
	return took, <-started
}

// waitAnswer waits for the first response, or for the command to fail.
func (s starter) waitAnswer(begin time.Time, started chan error) (time.Duration, error) {
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
			started <- nil // the command has ended, and the service is about to answer
		default:
		}
		if time.Since(begin) > 30*time.Second {
			return 0, fmt.Errorf("no answer after the start: %w", err)
		}
		time.Sleep(500 * time.Microsecond) // between two attempts
	}
}

// getOnce sends one GET over a connection of its own.
func getOnce(s *server) error {
	c, err := s.target().Connect()
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Exchange(load.Get(s.path(kib)))
	return err
}

// limits returns podman's options for limits no higher than this process has:
// podman's own defaults raise them, which not every root may do. Podman lowers
// its own number of processes to the kernel's highest process number, which is
// 32768 or more.
func limits() []string {
	var options []string
	for name, resource := range map[string]int{"nofile": unix.RLIMIT_NOFILE, "nproc": unix.RLIMIT_NPROC} {
		var limit unix.Rlimit
		if err := unix.Getrlimit(resource, &limit); err == nil && limit.Max < 1<<31 {
			options = append(options, "--ulimit", fmt.Sprintf("%s=%d:%[2]d", name, min(limit.Max, 32768)))
		}
	}
	return options
}
