package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"foobar/src/logging"
	"foobar/src/service"

	"go.uber.org/zap"
)

// A command is one subcommand. Define adds its flags to a set, and returns what
// to run once they are parsed.
type command struct {
	name   string
	define func(*flag.FlagSet) action
}

type action func(environment) error

// commands returns all subcommands. The first runs where none is named.
func commands() []command {
	return []command{
		{"serve", newServeCommand},
		{"status", newStatusCommand},
		{"get", newGetCommand},
		{"put", newPutCommand},
		{"check-config", newCheckConfigCommand},
		{"init-credentials", newInitCredentialsCommand},
		{"check-credentials", newCheckCredentialsCommand},
		{"version", newVersionCommand},
	}
}

func runCommand(args []string, env environment) error {
	command, args, err := findCommand(args)
	if err != nil {
		return err
	}
	flags := flag.NewFlagSet(command.name, flag.ContinueOnError)
	act := command.define(flags)
	if err := parseFlags(flags, args); err != nil {
		return err
	}
	return act(env)
}

// findCommand returns the command that args begin with, and the other args.
func findCommand(args []string) (command, []string, error) {
	all := commands()
	if len(args) > 0 && (args[0] == "-version" || args[0] == "--version") {
		args = append([]string{"version"}, args[1:]...)
	}
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return all[0], args, nil
	}
	if args[0] == "help" {
		return command{}, nil, flag.ErrHelp
	}
	i := slices.IndexFunc(all, func(c command) bool { return c.name == args[0] })
	if i < 0 {
		return command{}, nil, usageError("unknown command %q", args[0])
	}
	return all[i], args[1:], nil
}

// parseFlags reads flags, and returns an error for any argument that is left.
func parseFlags(flags *flag.FlagSet, args []string) error {
	flags.SetOutput(io.Discard)
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return err
	}
	if err != nil {
		return usageError("%w", err)
	}
	if flags.NArg() > 0 {
		return usageError("unexpected argument %q", flags.Arg(0))
	}
	return nil
}

// stringFlag defines a flag that sets a string. An empty value is an error: a
// script may have it from a variable that is not set, and mean no default.
func stringFlag(flags *flag.FlagSet, name string, to *string) {
	flags.Func(name, "", func(value string) error {
		if value == "" {
			return errors.New("it is empty")
		}
		*to = value
		return nil
	})
}

// warn writes a warning to standard error, in one line.
func warn(env environment, format string, args ...any) {
	options := logging.Options{Output: env.stderr, JournalStream: env.getenv("JOURNAL_STREAM")}
	logging.WriteLine(options, zap.WarnLevel, "foobar: warning: "+fmt.Sprintf(format, args...))
}

// usageError returns an error of the command line, which a restart cannot fix.
func usageError(format string, args ...any) error {
	return &service.ConfigError{Err: fmt.Errorf(format+"; see foobar -help", args...)}
}
