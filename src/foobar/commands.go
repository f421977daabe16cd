package main

import (
	"flag"
	"fmt"
	"slices"
	"strings"
)

// A command is a subcommand: prepare adds its flags to a set, and returns what
// to run once they are parsed.
type command struct {
	name    string
	prepare func(*flag.FlagSet) action
}

type action func(environment) error

// commands are all there are. The first is what runs where none is named.
func commands() []command {
	return []command{
		{"serve", prepareServe},
		{"status", prepareStatus},
		{"get", prepareGet},
		{"put", preparePut},
		{"check-config", prepareCheckConfig},
		{"init-credentials", prepareInitCredentials},
		{"check-credentials", prepareCheckCredentials},
		{"version", prepareVersion},
	}
}

func runCommand(args []string, env environment) error {
	chosen, args, err := choose(args)
	if err != nil {
		return err
	}
	flags := flag.NewFlagSet(chosen.name, flag.ContinueOnError)
	act := chosen.prepare(flags)
	if err := parse(flags, args); err != nil {
		return err
	}
	return act(env)
}

// choose finds the command that args begin with, and returns the rest.
func choose(args []string) (command, []string, error) {
	all := commands()
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return all[0], args, nil
	}
	if args[0] == "help" {
		return command{}, nil, flag.ErrHelp
	}
	i := slices.IndexFunc(all, func(c command) bool { return c.name == args[0] })
	if i < 0 {
		return command{}, nil, &configError{fmt.Errorf("unknown command %q; see foobar -help", args[0])}
	}
	return all[i], args[1:], nil
}

func prepareVersion(*flag.FlagSet) action {
	return func(env environment) error {
		_, err := fmt.Fprintln(env.stdout, "foobar", version)
		return err
	}
}
