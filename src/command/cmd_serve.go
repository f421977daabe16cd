package command

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

func newServeCommand(flags *flag.FlagSet) action {
	o := service.Options{Version: version}
	var addresses listen.Addresses
	credentialFlags(flags, &o.Credentials)
	stringFlag(flags, "config", &o.ConfigFile)
	stringFlag(flags, "data", &o.DataDir)
	stringFlag(flags, "memory-max", &o.MemoryMaxFile)
	stringFlag(flags, "listen", &addresses.HTTPS)
	stringFlag(flags, "metrics-listen", &addresses.Metrics)
	stringFlag(flags, "admin-listen", &addresses.Admin)
	return func(env environment) error {
		o.Listen = func() (*listen.Sockets, error) { return listen.Open(addresses) }
		o.Getenv, o.Stderr, o.Backend = env.getenv, env.stderr, env.backend
		return serve(o)
	}
}

// credentialFlags defines the flags of the files that check-credentials checks.
func credentialFlags(flags *flag.FlagSet, f *credentials.Files) {
	stringFlag(flags, "cert", &f.Cert)
	stringFlag(flags, "key", &f.Key)
	stringFlag(flags, "token", &f.Token)
	stringFlag(flags, "client-ca", &f.ClientCA)
}

// serve runs the service until SIGTERM or SIGINT ends it. A second one ends the
// process at once.
func serve(o service.Options) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	context.AfterFunc(ctx, stop)
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)
	// The service outlives a reader of its log that ends, as in `foobar 2>&1 | head`.
	signal.Ignore(syscall.SIGPIPE)
	return service.Run(ctx, o, reload)
}
