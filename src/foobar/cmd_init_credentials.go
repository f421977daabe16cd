package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"foobar/src/credentials"
)

func newInitCredentialsCommand(flags *flag.FlagSet) action {
	dir := flags.String("dir", "", "")
	host := flags.String("host", "", "")
	return func(env environment) error { return initCredentials(*dir, *host, env) }
}

func initCredentials(dir, host string, env environment) error {
	if dir == "" {
		return usageError("init-credentials: -dir is missing")
	}
	if host == "" {
		name, err := os.Hostname()
		if err != nil {
			return fmt.Errorf("find the host's name: %w", err)
		}
		host = name
	}
	made, err := credentials.Generate(dir, host, time.Now())
	for _, path := range made {
		fmt.Fprintln(env.stdout, "made", path)
	}
	return err
}
