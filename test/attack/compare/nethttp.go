package main

import (
	"context"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"foobar/src/access"
	"foobar/src/api"
	"foobar/src/config"
	"foobar/src/credentials"
	"foobar/src/state"

	"go.uber.org/zap"
)

// serveNetHTTP serves foobar's API by an http.Server with the timeouts of
// conf.yaml, as far as http.Server has them, until SIGTERM.
func serveNetHTTP(address, dir string) error {
	file := func(name string) string { return filepath.Join(dir, name) }
	defaults := config.Default()
	set, err := credentials.Load(credentials.Files{Cert: file("cert"), Key: file("key"), Token: file("token")})
	if err != nil {
		return err
	}
	if err := os.Mkdir(file("data"), 0o700); err != nil {
		return err
	}
	store, err := state.Open(state.Options{
		Dir: file("data"), CheckpointDelay: time.Second,
		OnCommit: func(time.Duration, time.Duration, int) {}, Log: func(string, error) {},
	})
	if err != nil {
		return err
	}
	handler := api.New(store, access.New(credentials.NewStore(set), defaults.Access), zap.NewNop(), api.Settings{
		State: int64(defaults.Limits.State), Uploads: int64(defaults.Limits.Uploads),
	})
	timeouts := defaults.Timeouts
	header, body, response := time.Duration(timeouts.Header), time.Duration(timeouts.Body), time.Duration(timeouts.Response)
	server := &http.Server{
		Addr: address, Handler: handler,
		ReadHeaderTimeout: header,
		ReadTimeout:       header + body,
		WriteTimeout:      header + body + response,
		IdleTimeout:       time.Duration(timeouts.Idle),
		MaxHeaderBytes:    int(defaults.Limits.Header),
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.ListenAndServeTLS(file("cert"), file("key")); err != http.ErrServerClosed {
		return err
	}
	return store.Close()
}
