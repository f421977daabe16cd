package main

import (
	"flag"
	"fmt"
	"time"

	"foobar/src/credentials"
	"foobar/src/service"
)

// newCheckCredentialsCommand loads the files as the service does, and describes
// them.
func newCheckCredentialsCommand(flags *flag.FlagSet) action {
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
		return usageError("check-credentials: -cert or -key is missing")
	}
	_, store, err := service.Load(conf, f)
	if err != nil {
		return err
	}
	set := store.Current()
	fmt.Fprintf(env.stdout, "%s: %s\n", set.Leaf().Subject, credentials.Validity(set.Leaf(), time.Now()))
	fmt.Fprintf(env.stdout, "fingerprint of all: %s\n", set.Fingerprint())
	return nil
}
