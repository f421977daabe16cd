// Package service is one running foobar: it opens the sockets, the
// configuration, the credentials and the state, serves them until a signal ends
// it, and tells systemd and the administrator how it is.
//
// It parses no command line (src/foobar does) and answers no request (package
// api does). Read service.go first, then run.go.
package service

import (
	"os"
	"time"

	"foobar/src/api"
	"foobar/src/config"
	"foobar/src/credentials"
	"foobar/src/httpserver"
	"foobar/src/listen"
	"foobar/src/logging"
	"foobar/src/metrics"
	"foobar/src/notify"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Options say what a Service serves, and what it takes from its process.
type Options struct {
	Version     string
	ConfigFile  string // path of conf.yaml, empty for the defaults
	DataDir     string
	Credentials credentials.Files
	// MemoryMaxFile is the path of a file like memory.max of a control group, empty
	// where no memory limit is known.
	MemoryMaxFile string
	// Listen returns the sockets to serve, as listen.Open does, which a Service
	// closes. With an error it returns those through which the error can be
	// logged.
	Listen func() (*listen.Sockets, error)
	Getenv func(string) string
	// Stderr takes the log where Listen returns no socket to the journal.
	Stderr *os.File
}

// A Service is everything wired together.
type Service struct {
	options     Options
	level       zap.AtomicLevel
	log         *zap.Logger
	access      *zap.Logger // takes the access log, whatever the level
	config      config.Config
	credentials *credentials.Store
	sockets     *listen.Sockets
	notifier    *notify.Notifier
	watchdog    time.Duration // how often systemd wants a sign of life, 0 for never
	store       Store
	metrics     *metrics.Metrics
	api         *api.API
	servers     []*httpserver.Server
	stopping    chan struct{} // closed when the service begins to stop
	committed   chan struct{} // holds one if the state has changed since the last status line
	reloadErr   error         // why the last reload was rejected
	warned      time.Time     // when the log last warned of the certificate's end
}

// Open brings up everything that can fail before the service is ready. What a
// restart cannot fix is a ConfigError.
func Open(o Options) (*Service, error) {
	s := &Service{
		options:   o,
		level:     zap.NewAtomicLevel(),
		notifier:  notify.New(nil),
		metrics:   metrics.New(o.Version),
		stopping:  make(chan struct{}),
		committed: make(chan struct{}, 1),
	}
	var err error
	s.sockets, err = o.Listen()
	s.openLog()
	if err != nil {
		return nil, s.abort(&ConfigError{err})
	}
	if s.sockets.Notify != nil {
		s.notifier = notify.New(s.sockets.Notify)
	}
	if err := s.load(); err != nil {
		return nil, s.abort(err)
	}
	s.start()
	return s, nil
}

// abort tells the administrator why the service does not start, and returns err.
func (s *Service) abort(err error) error {
	s.logNotifyError(s.notifier.Status("Not started: " + err.Error()))
	s.sockets.Close()
	return s.logExit("not started", err)
}

func (s *Service) openLog() {
	o := logging.Options{
		Output: s.options.Stderr, Level: &s.level, JournalStream: s.options.Getenv("JOURNAL_STREAM"),
		Journal: s.sockets.Journal, OnDrop: s.metrics.LogEntryDropped,
	}
	s.log = logging.New(o)
	o.Level = nil
	s.access = logging.New(o).WithOptions(zap.WithCaller(false))
}

// load reads everything that the service needs.
func (s *Service) load() (err error) {
	if s.watchdog, err = notify.WatchdogInterval(s.options.Getenv("WATCHDOG_USEC")); err != nil {
		return &ConfigError{err}
	}
	if s.config, s.credentials, err = Load(s.options.ConfigFile, s.options.Credentials); err != nil {
		return err
	}
	s.store, err = s.openStore()
	return err
}

// start puts what was loaded in force, and makes a server for each listener.
func (s *Service) start() {
	s.api = api.New(s.store, s.credentials, s.log, apiSettings(s.config))
	s.level.SetLevel(zapcore.Level(s.config.Log.Level))
	limitMemory(s.config)
	s.recordReload(nil)
	s.addServers()
}

// Close releases what Open opened.
func (s *Service) Close() error {
	s.sockets.Close()
	return s.store.Close()
}
