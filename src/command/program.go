// Package command has the commands of the programs foobar and foobar-etcd: their
// flags, output and exit statuses.
//
// The programs differ in the store that their service opens. What a command does
// is in the other packages: the service in package service, the client of a
// running service in package adminclient. Read command.go first.
package command

import (
	_ "embed"
	"errors"
	"flag"
	"io"
	"os"

	"foobar/src/adminclient"
	"foobar/src/listen"
	"foobar/src/logging"
	"foobar/src/service"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// The exit statuses, those of sysexits.h where it has one.
const (
	exitOK           = 0
	exitFailure      = 1
	exitPrecondition = 2  // the state has another entity tag than -if-match
	exitUnavailable  = 69 // EX_UNAVAILABLE: no service answers
	exitMissing      = 75 // EX_TEMPFAIL: OnFailure= in the unit opens the sockets again
	exitPermission   = 77 // EX_NOPERM: not a member of foobar-admin
	exitConfig       = 78 // EX_CONFIG: RestartPreventExitStatus= in the unit
)

//go:embed usage.txt
var usage string

// version is set by the PKGBUILD.
var version = "devel"

// An environment is what a command gets from its process.
type environment struct {
	getenv                func(string) string
	stdin, stdout, stderr *os.File
	backend               service.Backend
}

func (e environment) writeLine(level zapcore.Level, text string) {
	logging.WriteLine(logging.Options{Output: e.stderr, JournalStream: e.getenv("JOURNAL_STREAM")}, level, text)
}

// Main runs the command that the arguments of the process name, and ends the
// process with the exit status. The service keeps its state in the backend.
func Main(backend service.Backend) {
	env := environment{getenv: os.Getenv, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, backend: backend}
	os.Exit(run(os.Args[1:], env))
}

// run runs the command that args name, and returns the exit status.
func run(args []string, env environment) int {
	err := runCommand(args, env)
	if errors.Is(err, flag.ErrHelp) {
		_, err = io.WriteString(env.stdout, usage)
	}
	if err != nil {
		env.writeLine(zap.ErrorLevel, "foobar: "+err.Error())
	}
	return exitStatus(err)
}

func exitStatus(err error) int {
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, listen.ErrMissing):
		return exitMissing
	case errors.As(err, new(*service.ConfigError)):
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
