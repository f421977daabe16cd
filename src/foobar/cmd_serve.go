package main

import (
	"context"
	"flag"
	"os"
	"os/signal"
	"syscall"

	"foobar/src/credentials"
	"foobar/src/listen"
	"foobar/src/service"
)

// serveFlags are the command line of serve.
type serveFlags struct {
	config, data string
	credentials  credentials.Files
	listen       listen.Addresses
}

func newServeCommand(set *flag.FlagSet) action {
	var f serveFlags
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

// serve runs the service until a signal ends it.
func serve(f serveFlags, env environment) error {
	if err := f.checkRequired(); err != nil {
		return err
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(signals)
	return service.Run(context.Background(), service.Options{
		Version:     version,
		ConfigFile:  f.config,
		DataDir:     f.data,
		Credentials: f.credentials,
		Listen:      func() (*listen.Sockets, error) { return listen.Open(f.listen) },
		Getenv:      env.getenv,
		Stderr:      env.stderr,
	}, signals)
}

// checkRequired returns an error that names the first required flag that is
// missing.
func (f serveFlags) checkRequired() error {
	for _, required := range []struct{ name, value string }{
		{"data", f.data}, {"cert", f.credentials.Cert}, {"key", f.credentials.Key},
	} {
		if required.value == "" {
			return usageError("-%s is missing", required.name)
		}
	}
	return nil
}
