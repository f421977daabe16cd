package sandbox

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// A Container is a probe in a container with podman's defaults.
type Container struct {
	image, name string
}

// StartContainer runs a probe in a container. dir is an empty directory for the
// image. Close removes the container, even after an error.
func StartContainer(program, dir string) (*Container, error) {
	c := &Container{image: "foobar-probe", name: fmt.Sprintf("foobar-probe-%d", os.Getpid())}
	script := `cd "$1"; mkdir -p bin etc/foobar var/lib/foobar; cp "$2" bin/foobar; touch etc/foobar/conf.yaml
chmod 755 . bin bin/foobar; tar -cf - . | podman import -q - "$3"`
	if _, err := output("bash", "-euo", "pipefail", "-c", script, "image", filepath.Clean(dir), program, c.image); err != nil {
		return c, err
	}
	// podman's own limits and network do not work on a host with both cgroup
	// hierarchies.
	_, err := output("podman", "run", "-d", "--name", c.name, "--runtime", "runc",
		"--ulimit", "nofile=20000:20000", "--ulimit", "nproc=30000:30000", "--network", "host", c.image, "/bin/foobar")
	return c, err
}

// Logs returns what the probe has written so far.
func (c *Container) Logs() (string, error) { return output("podman", "logs", c.name) }

// PID returns the number of the probe's process on the host.
func (c *Container) PID() (int, error) {
	out, err := output("podman", "inspect", "-f", "{{.State.Pid}}", c.name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(out))
}

// Close removes the container and its image.
func (c *Container) Close() {
	exec.Command("podman", "rm", "-f", "-t", "1", c.name).Run() // there may be none
	exec.Command("podman", "rmi", "-f", c.image).Run()
}

// output runs a command and returns its standard output.
func output(args ...string) (string, error) {
	var stderr strings.Builder
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return string(out), nil
}
