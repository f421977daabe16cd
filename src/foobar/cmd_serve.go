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
	config, data, memoryMax string
	credentials             credentials.Files
	listen                  listen.Addresses
}

func newServeCommand(set *flag.FlagSet) action {
	var f serveFlags
	for name, to := range map[string]*string{
		"config":         &f.config,
		"data":           &f.data,
		"memory-max":     &f.memoryMax,
		"cert":           &f.credentials.Cert,
		"key":            &f.credentials.Key,
		"token":          &f.credentials.Token,
		"client-ca":      &f.credentials.ClientCA,
		"listen":         &f.listen.HTTPS,
		"metrics-listen": &f.listen.Metrics,
		"admin-listen":   &f.listen.Admin,
	} {
		stringFlag(set, name, to)
	}
	return func(env environment) error { return serve(f, env) }
}

// serve runs the service until SIGTERM or SIGINT ends it.
func serve(f serveFlags, env environment) error {
	if err := f.checkRequired(); err != nil {
		return err
	}
	ctx, cancel := untilSignal(syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)
	// The service outlives a reader of its log that ends, as in `foobar 2>&1 | head`.
	signal.Ignore(syscall.SIGPIPE)
	return service.Run(ctx, service.Options{
		Version:       version,
		ConfigFile:    f.config,
		DataDir:       f.data,
		Credentials:   f.credentials,
		MemoryMaxFile: f.memoryMax,
		Listen:        func() (*listen.Sockets, error) { return listen.Open(f.listen) },
		Getenv:        env.getenv,
		Stderr:        env.stderr,
	}, reload)
}

// untilSignal returns a context that ends with the first of the signals. By then
// a second one ends the process at once: signal.NotifyContext would still take
// it for a moment.
func untilSignal(signals ...os.Signal) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	received := make(chan os.Signal, 1)
	signal.Notify(received, signals...)
	go func() {
		select {
		case <-received:
		case <-ctx.Done():
		}
		signal.Stop(received)
		cancel()
	}()
	return ctx, cancel
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
