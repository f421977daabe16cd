package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"foobar/src/credentials"
)

func initCredentials(args []string, _ func(string) string, stdout, _ *os.File) error {
	flags := flag.NewFlagSet("init-credentials", flag.ContinueOnError)
	dir := flags.String("dir", "", "")
	host := flags.String("host", "", "")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *dir == "" {
		return &configError{errors.New("init-credentials: -dir is missing; see foobar -help")}
	}
	if *host == "" {
		name, err := os.Hostname()
		if err != nil {
			return fmt.Errorf("find the host's name: %w", err)
		}
		*host = name
	}
	made, err := credentials.Generate(*dir, *host, time.Now())
	for _, path := range made {
		fmt.Fprintln(stdout, "made", path)
	}
	return err
}
