package command

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"foobar/src/service"

	"go.uber.org/zap"
)

// A command is one subcommand. Define adds its flags to a set, and returns what
// to run once they are parsed.
type command struct {
	name     string
	required []string // flags
	define   func(*flag.FlagSet) action
}

type action func(environment) error

// commands returns all subcommands. The first runs where none is named.
func commands() []command {
	return []command{
		{"serve", []string{"data", "cert", "key"}, newServeCommand},
		{"status", nil, newStatusCommand},
		{"get", nil, newGetCommand},
		{"put", nil, newPutCommand},
		{"check-config", nil, newCheckConfigCommand},
		{"init-credentials", []string{"dir"}, newInitCredentialsCommand},
		{"check-credentials", []string{"cert", "key"}, newCheckCredentialsCommand},
		{"version", nil, newVersionCommand},
		{"help", nil, newHelpCommand},
	}
}

func runCommand(args []string, env environment) error {
	command, args, err := findCommand(args)
	if err != nil {
		return err
	}
	flags := flag.NewFlagSet(command.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	act := command.define(flags)
	if err := flags.Parse(args); err != nil { // flag.ErrHelp among others
		return usageError("%w", err)
	}
	if flags.NArg() > 0 {
		return usageError("unexpected argument %q", flags.Arg(0))
	}
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for _, name := range command.required {
		if !given[name] {
			return usageError("%s: -%s is missing", command.name, name)
		}
	}
	return act(env)
}

// findCommand returns the command that args begin with, and the other args.
func findCommand(args []string) (command, []string, error) {
	all, name := commands(), ""
	switch {
	case len(args) > 0 && (args[0] == "-version" || args[0] == "--version"):
		name, args = "version", args[1:]
	case len(args) == 0 || strings.HasPrefix(args[0], "-"):
		name = all[0].name
	default:
		name, args = args[0], args[1:]
	}
	i := slices.IndexFunc(all, func(c command) bool { return c.name == name })
	if i < 0 {
		return command{}, nil, usageError("unknown command %q", name)
	}
	return all[i], args, nil
}

func newVersionCommand(*flag.FlagSet) action {
	return func(env environment) error {
		_, err := fmt.Fprintln(env.stdout, "foobar", version)
		return err
	}
}

func newHelpCommand(*flag.FlagSet) action {
	return func(environment) error { return flag.ErrHelp }
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
	env.writeLine(zap.WarnLevel, "foobar: warning: "+fmt.Sprintf(format, args...))
}

// usageError returns an error of the command line, which a restart cannot fix.
func usageError(format string, args ...any) error {
	return &service.ConfigError{Err: fmt.Errorf(format+"; see foobar -help", args...)}
}
