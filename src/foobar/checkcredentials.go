package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"foobar/src/credentials"
)

// checkCredentials loads what the service would load, and says what it is.
func checkCredentials(args []string, _ func(string) string, stdout, _ *os.File) error {
	flags := flag.NewFlagSet("check-credentials", flag.ContinueOnError)
	var f credentials.Files
	flags.StringVar(&f.Cert, "cert", "", "")
	flags.StringVar(&f.Key, "key", "", "")
	flags.StringVar(&f.Token, "token", "", "")
	flags.StringVar(&f.ClientCA, "client-ca", "", "")
	conf := flags.String("config", "", "")
	if err := parse(flags, args); err != nil {
		return err
	}
	if f.Cert == "" || f.Key == "" {
		return &configError{errors.New("check-credentials: -cert or -key is missing; see foobar -help")}
	}
	c, err := loadConfig(*conf)
	if err != nil {
		return &configError{err}
	}
	store, err := credentials.Open(f, acceptance(c))
	if err != nil {
		return &configError{err}
	}
	set := store.Current()
	fmt.Fprintf(stdout, "%s: %s\n", set.Leaf().Subject, validity(set.Leaf(), time.Now()))
	fmt.Fprintf(stdout, "fingerprint of all: %s\n", set.Fingerprint())
	return nil
}
