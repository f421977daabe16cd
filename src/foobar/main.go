// Command foobar serves one durable state over HTTPS, and is what its
// administrator asks it with.
package main

import (
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"foobar/src/adminclient"
	"foobar/src/logging"

	"go.uber.org/zap"
)

// The exit statuses, those of sysexits.h where it has one.
const (
	exitOK           = 0
	exitFailure      = 1
	exitPrecondition = 2  // the state is another than -if-match says
	exitUnavailable  = 69 // EX_UNAVAILABLE: no service answers
	exitPermission   = 77 // EX_NOPERM: not a member of foobar-admin
	exitConfig       = 78 // EX_CONFIG: RestartPreventExitStatus= in the unit
)

//go:embed usage.txt
var usage string

// version is set by the PKGBUILD.
var version = "devel"

func main() {
	surroundings := environment{getenv: os.Getenv, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	os.Exit(run(os.Args[1:], surroundings))
}

// An environment is what a command has around it.
type environment struct {
	getenv                func(string) string
	stdin, stdout, stderr *os.File
}

// run is main with its surroundings, and returns the exit status.
func run(args []string, env environment) int {
	err := runCommand(args, env)
	if errors.Is(err, flag.ErrHelp) {
		_, err = io.WriteString(env.stdout, usage)
	}
	if err != nil {
		logging.WriteLine(logging.Options{Output: env.stderr, JournalStream: env.getenv("JOURNAL_STREAM")}, zap.ErrorLevel, "foobar: "+err.Error())
	}
	return exitStatus(err)
}

func exitStatus(err error) int {
	var wrong *configError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &wrong):
		return exitConfig
	case errors.Is(err, adminclient.ErrPrecondition):
		return exitPrecondition
	case errors.Is(err, adminclient.ErrUnavailable):
		return exitUnavailable
	case errors.Is(err, adminclient.ErrPermission):
		return exitPermission
	}
	return exitFailure
}

// A configError is an error that a restart does not mend.
type configError struct{ err error }

func (e *configError) Error() string { return e.err.Error() }
func (e *configError) Unwrap() error { return e.err }

// parse reads flags and refuses what is left over. Its errors are configErrors.
func parse(flags *flag.FlagSet, args []string) error {
	flags.SetOutput(io.Discard)
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return err
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if err != nil {
		return &configError{fmt.Errorf("%w; see foobar -help", err)}
	}
	return nil
}
