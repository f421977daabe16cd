package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"foobar/src/credentials"
	"foobar/src/listen"
)

// flags are the command line of serve.
type flags struct {
	config, data string
	credentials  credentials.Files
	listen       listen.Addresses
}

func prepareServe(set *flag.FlagSet) action {
	var f flags
	for name, to := range map[string]*string{
		"config":         &f.config,
		"data":           &f.data,
		"cert":           &f.credentials.Cert,
		"key":            &f.credentials.Key,
		"token":          &f.credentials.Token,
		"client-ca":      &f.credentials.ClientCA,
		"listen":         &f.listen.HTTPS,
		"metrics-listen": &f.listen.Metrics,
		"admin-listen":   &f.listen.Admin,
	} {
		set.StringVar(to, name, "", "")
	}
	return func(env environment) error { return serve(f, env) }
}

// required says which of the flags that have to be there is not.
func (f flags) required() error {
	for _, required := range []struct{ name, value string }{
		{"data", f.data}, {"cert", f.credentials.Cert}, {"key", f.credentials.Key},
	} {
		if required.value == "" {
			return &configError{fmt.Errorf("-%s is missing; see foobar -help", required.name)}
		}
	}
	return nil
}

// serve runs the service until it is told to stop.
func serve(f flags, env environment) error {
	if err := f.required(); err != nil {
		return err
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(signals)
	s, err := open(f, env.getenv, env.stderr)
	if err != nil {
		return err
	}
	return s.said("ended", errors.Join(s.Run(context.Background(), signals), s.Close()))
}
