package main

import (
	"errors"
	"flag"
	"fmt"
	"time"

	"foobar/src/credentials"
)

// prepareCheckCredentials loads what the service would load, and says what it
// is.
func prepareCheckCredentials(flags *flag.FlagSet) action {
	var f credentials.Files
	flags.StringVar(&f.Cert, "cert", "", "")
	flags.StringVar(&f.Key, "key", "", "")
	flags.StringVar(&f.Token, "token", "", "")
	flags.StringVar(&f.ClientCA, "client-ca", "", "")
	conf := flags.String("config", "", "")
	return func(env environment) error { return checkCredentials(f, *conf, env) }
}

func checkCredentials(f credentials.Files, conf string, env environment) error {
	if f.Cert == "" || f.Key == "" {
		return &configError{errors.New("check-credentials: -cert or -key is missing; see foobar -help")}
	}
	c, err := loadConfig(conf)
	if err != nil {
		return &configError{err}
	}
	store, err := credentials.Open(f, acceptance(c))
	if err != nil {
		return &configError{err}
	}
	set := store.Current()
	fmt.Fprintf(env.stdout, "%s: %s\n", set.Leaf().Subject, validity(set.Leaf(), time.Now()))
	fmt.Fprintf(env.stdout, "fingerprint of all: %s\n", set.Fingerprint())
	return nil
}
