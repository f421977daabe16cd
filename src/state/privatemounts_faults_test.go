//go:build faults

package state

import (
	"os"
	"os/exec"
	"syscall"
)

// privateMounts is the environment variable of a process that has a mount
// namespace of its own.
const privateMounts = "FOOBAR_STATE_PRIVATE_MOUNTS"

// init starts the tests again in a mount namespace of their own. Without it a
// namespace that a container or service copies from this one would keep a file
// system of a test mounted after the test has unmounted it.
func init() {
	if os.Geteuid() != 0 || os.Getenv(privateMounts) != "" {
		return
	}
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		return // requireRoot reports this
	}
	args := append([]string{unshare, "--mount", "--propagation", "private"}, os.Args...)
	syscall.Exec(unshare, args, append(os.Environ(), privateMounts+"=1"))
}
