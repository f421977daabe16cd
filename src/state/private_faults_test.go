//go:build faults

package state

import (
	"os"
	"os/exec"
	"syscall"
)

// privateMounts is set once the process has a mount namespace of its own.
const privateMounts = "FOOBAR_STATE_PRIVATE_MOUNTS"

// The file systems that the tests mount must not be seen by anything else: a
// namespace that is made from this one meanwhile, by a container or a service,
// would go on holding a file system that has been unmounted here.
func init() {
	if os.Geteuid() != 0 || os.Getenv(privateMounts) != "" {
		return
	}
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		return // the tests that need it say so
	}
	args := append([]string{unshare, "--mount", "--propagation", "private"}, os.Args...)
	syscall.Exec(unshare, args, append(os.Environ(), privateMounts+"=1"))
}
