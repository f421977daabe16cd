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

func parseServe(args []string) (flags, error) {
	var f flags
	set := flag.NewFlagSet("foobar", flag.ContinueOnError)
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
	if err := parse(set, args); err != nil {
		return f, err
	}
	for _, required := range []struct{ name, value string }{
		{"data", f.data}, {"cert", f.credentials.Cert}, {"key", f.credentials.Key},
	} {
		if required.value == "" {
			return f, &configError{fmt.Errorf("-%s is missing; see foobar -help", required.name)}
		}
	}
	return f, nil
}

// serve runs the service until it is told to stop.
func serve(args []string, getenv func(string) string, _, stderr *os.File) error {
	f, err := parseServe(args)
	if err != nil {
		return err
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(signals)
	s, err := open(f, getenv, stderr)
	if err != nil {
		return err
	}
	return s.said("ended", errors.Join(s.Run(context.Background(), signals), s.Close()))
}
