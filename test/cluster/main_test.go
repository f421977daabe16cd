//go:build cluster

package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// TestMain runs the tests in a network namespace of their own, with the directory of
// etcd's programs in programsVariable.
func TestMain(m *testing.M) {
	if os.Getenv(programsVariable) != "" {
		os.Exit(m.Run())
	}
	programs, err := unpack()
	if err != nil { // it may download, which the namespace does not allow
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), programsVariable+"="+programs)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	err = cmd.Run()
	if cmd.ProcessState == nil {
		fmt.Fprintln(os.Stderr, "the tests need root:", err)
		os.Exit(1)
	}
	os.Exit(cmd.ProcessState.ExitCode())
}
