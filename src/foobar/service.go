package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"

	"foobar/src/api"
	"foobar/src/config"
	"foobar/src/credentials"
	"foobar/src/httpserver"
	"foobar/src/listen"
	"foobar/src/logging"
	"foobar/src/metrics"
	"foobar/src/notify"
	"foobar/src/state"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// A service is everything wired together.
type service struct {
	flags    flags
	level    zap.AtomicLevel
	log      *zap.Logger
	access   *zap.Logger // the access log, whatever the level is
	config   config.Config
	creds    *credentials.Store
	sockets  *listen.Sockets
	notifier *notify.Notifier
	watchdog time.Duration
	store    *state.Store
	metrics  *metrics.Metrics
	api      *api.API
	servers  []server
	stopping chan struct{} // closed when the service begins to stop
	written  chan struct{} // holds one if the state has changed since the last status line
	refused  error         // why the last reload was refused
	warned   time.Time     // when the log last said that the certificate expires
}

// open brings up everything that can fail before the service says READY=1.
func open(f flags, getenv func(string) string, stderr *os.File) (_ *service, err error) {
	s := &service{flags: f, level: zap.NewAtomicLevel(), metrics: metrics.New(version), stopping: make(chan struct{}), written: make(chan struct{}, 1)}
	s.notifier = notify.New(nil)
	s.sockets, err = listen.Open(f.listen)
	s.openLog(getenv, stderr)
	defer func() {
		if err != nil {
			s.notifier.Status("Not started: " + err.Error())
			s.sockets.Close()
			err = s.said("not started", err)
		}
	}()
	if err != nil {
		return nil, &configError{err}
	}
	if s.sockets.Notify != nil {
		s.notifier = notify.New(s.sockets.Notify)
	}
	if s.watchdog, err = notify.WatchdogInterval(getenv("WATCHDOG_USEC")); err != nil {
		return nil, &configError{err}
	}
	if s.config, err = loadConfig(f.config); err != nil {
		return nil, &configError{err}
	}
	if s.creds, err = credentials.Open(f.credentials, acceptance(s.config)); err != nil {
		return nil, &configError{err}
	}
	if s.store, err = s.openState(); err != nil {
		return nil, err
	}
	s.api = api.New(s.store, s.creds, s.log, apiSettings(s.config))
	s.level.SetLevel(zapcore.Level(s.config.Log.Level))
	limitMemory(s.config)
	s.loaded(nil)
	s.serveAPI(s.sockets.HTTPS, listen.HTTPS, httpserver.TLSConfig(httpserver.TLSOptions{Certificate: s.creds.GetCertificate, ClientCAs: s.api.ClientCAs}))
	s.serveAPI(s.sockets.Admin, listen.Admin, nil)
	s.serveSite(s.sockets.Metrics)
	return s, nil
}

func (s *service) openLog(getenv func(string) string, stderr *os.File) {
	o := logging.Options{
		Output: stderr, Level: &s.level, JournalStream: getenv("JOURNAL_STREAM"),
		Journal: s.sockets.Journal, OnDrop: s.metrics.LogEntryDropped,
	}
	s.log = logging.New(o)
	o.Level = nil
	s.access = logging.New(o).WithOptions(zap.WithCaller(false))
}

func loadConfig(path string) (config.Config, error) {
	if path == "" {
		return config.Default(), nil
	}
	return config.Load(path)
}

// lag is how soon after a write an administrator finds it in the statefile.
const lag = 100 * time.Millisecond

func (s *service) openState() (*state.Store, error) {
	store, err := state.Open(state.Options{Dir: s.flags.data, CheckpointDelay: lag, OnCommit: s.onWrite, Log: s.onStorage})
	for _, final := range []error{fs.ErrNotExist, fs.ErrPermission, syscall.ENOTDIR, state.ErrOwner, state.ErrChanged} {
		if errors.Is(err, final) {
			return nil, &configError{fmt.Errorf("-data: %w", err)}
		}
	}
	if err != nil {
		return nil, err
	}
	if v := store.Current(); v != nil {
		s.metrics.SetState(len(v.Data), v.Modified)
	}
	s.metrics.RegisterStateDirectory(s.flags.data)
	return store, nil
}

// onStorage is told what the store has recovered and what has failed.
func (s *service) onStorage(message string, err error) {
	if err != nil {
		s.log.Error(message, api.Event(err).Field(), zap.Error(err))
		return
	}
	s.log.Info(message, logging.Recovered.Field())
}

// onWrite is told of each commit.
func (s *service) onWrite(total, fsync time.Duration, size int) {
	s.metrics.ObserveCommit(total, fsync, size)
	select {
	case s.written <- struct{}{}:
	default:
	}
}

// A server is a listener that is being served.
type server interface {
	Run() error
	Apply(httpserver.Settings)
	Shutdown(context.Context) error
}

func (s *service) serveAPI(l net.Listener, name string, tls *tls.Config) {
	if l == nil {
		return
	}
	engine := httpserver.NewEngine(l, httpserver.EngineOptions{
		Handler: s.api, TLS: tls, Trusted: name == listen.Admin, Settings: s.webSettings(),
		Traffic: s.metrics.Listener(name), Log: s.log.With(zap.String("listener", name)),
		Access: s.access.With(zap.String("listener", name)),
	})
	s.metrics.RegisterConnections(name, engine.Connections)
	s.add(name, l, engine)
}

// serveSite serves the metrics by net/http: whoever can reach their listener
// is a friend, and client_golang has no other.
func (s *service) serveSite(l net.Listener) {
	if l == nil {
		return
	}
	s.add(listen.Metrics, l, httpserver.NewServer(l, httpserver.Options{
		Handler:  s.metrics.Handler(s.healthy, s.ready, s.log),
		Settings: s.webSettings(), Log: s.log.With(zap.String("listener", listen.Metrics)),
	}))
}

func (s *service) add(name string, l net.Listener, srv server) {
	s.servers = append(s.servers, srv)
	s.log.Info(fmt.Sprintf("listening on %s (%s)", l.Addr(), name), zap.String("listener", name), zap.Stringer("address", l.Addr()))
}

func apiSettings(c config.Config) api.Settings {
	return api.Settings{Access: c.Access, State: int64(c.Limits.State), Uploads: int64(c.Limits.Uploads)}
}

func (s *service) webSettings() httpserver.Settings {
	c := s.config
	cas, required := s.api.ClientCAs()
	return httpserver.Settings{
		Header:      time.Duration(c.Timeouts.Header),
		Body:        time.Duration(c.Timeouts.Body),
		Response:    time.Duration(c.Timeouts.Response),
		Idle:        time.Duration(c.Timeouts.Idle),
		MaxHeader:   int(c.Limits.Header),
		Connections: int(c.Limits.Connections),
		AccessLog:   bool(c.Log.Access),
		Clients:     httpserver.ClientCertificates{Asked: cas != nil, Required: required},
	}
}

// Run serves until SIGTERM or SIGINT, and reloads on SIGHUP.
func (s *service) Run(ctx context.Context, signals <-chan os.Signal) error {
	failed := make(chan error, len(s.servers))
	for _, server := range s.servers {
		go func() {
			if err := server.Run(); err != nil {
				failed <- err
			}
		}()
	}
	s.log.Info("foobar "+version+" has started", logging.Started.Field(), zap.String("version", version))
	s.tell(s.notifier.Ready(s.status()))
	s.metrics.WatchdogPing(s.tickInterval())
	tick := time.NewTicker(s.tickInterval())
	defer tick.Stop()
	var behind <-chan time.Time // fires when the status line should follow a write
	for {
		select {
		case sig := <-signals:
			if sig == syscall.SIGHUP {
				s.reload()
				continue
			}
			return s.stop(ctx)
		case err := <-failed:
			return errors.Join(err, s.stop(ctx))
		case <-tick.C:
			s.alive()
		case <-s.written:
			if behind == nil {
				behind = time.After(statusPause)
			}
		case <-behind:
			behind = nil
			s.tell(s.notifier.Status(s.status()))
		}
	}
}

// closing is what bringing the statefile up to date may take after the requests
// have ended.
const closing = 30 * time.Second

// stop ends what is in flight within the configured time.
func (s *service) stop(ctx context.Context) error {
	limit := time.Duration(s.config.Timeouts.Shutdown)
	s.log.Info("stopping", zap.Duration("limit", limit))
	s.tell(s.notifier.Stopping("Finishing requests in flight", limit+closing))
	close(s.stopping)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	done := make(chan error, len(s.servers))
	for _, server := range s.servers {
		go func() { done <- server.Shutdown(ctx) }()
	}
	for range s.servers {
		if err := <-done; err != nil {
			s.log.Warn("requests were cut at the end of timeouts.shutdown", logging.RequestsCut.Field(), zap.Error(err))
		}
	}
	s.log.Info("stopped")
	return nil
}

// Close releases what open opened.
func (s *service) Close() error {
	s.sockets.Close()
	return s.store.Close()
}
