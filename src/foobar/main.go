// Command foobar serves one durable state over HTTPS.
package main

import (
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"foobar/src/logging"

	"go.uber.org/zap"
)

// The exit statuses, those of sysexits.h where it has one.
const (
	exitOK      = 0
	exitFailure = 1
	exitConfig  = 78 // EX_CONFIG: RestartPreventExitStatus= in the unit
)

//go:embed usage.txt
var usage string

// version is set by the PKGBUILD.
var version = "devel"

func main() {
	os.Exit(run(os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// run is main with its surroundings, and returns the exit status.
func run(args []string, getenv func(string) string, stdout, stderr *os.File) int {
	command := serve
	if len(args) > 0 {
		switch args[0] {
		case "init-credentials":
			command, args = initCredentials, args[1:]
		case "check-credentials":
			command, args = checkCredentials, args[1:]
		case "version":
			command, args = printVersion, args[1:]
		case "help":
			args[0] = "-help"
		}
	}
	err := command(args, getenv, stdout, stderr)
	var wrong *configError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, flag.ErrHelp):
		io.WriteString(stdout, usage)
		return exitOK
	}
	if said := (*saidError)(nil); !errors.As(err, &said) {
		logging.Line(logging.Options{Output: stderr, JournalStream: getenv("JOURNAL_STREAM")}, zap.ErrorLevel, "foobar: "+err.Error())
	}
	if errors.As(err, &wrong) {
		return exitConfig
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

func printVersion(args []string, _ func(string) string, stdout, _ *os.File) error {
	if err := parse(flag.NewFlagSet("version", flag.ContinueOnError), args); err != nil {
		return err
	}
	fmt.Fprintln(stdout, "foobar", version)
	return nil
}
