// Package service is one running foobar: it opens the sockets, the
// configuration, the credentials and the state, serves them until a signal ends
// it, and reports its state to systemd and in the log.
//
// It parses no command line (package command does) and answers no request (package
// api does). Read service.go first, then run.go.
package service

import (
	"cmp"
	"errors"
	"os"
	"sync/atomic"
	"time"

	"foobar/src/access"
	"foobar/src/config"
	"foobar/src/credentials"
	"foobar/src/httpserver"
	"foobar/src/listen"
	"foobar/src/logging"
	"foobar/src/metrics"
	"foobar/src/notify"

	"go.uber.org/zap"
)

// Options say what a Service serves, and what it takes from its process.
type Options struct {
	Version     string
	ConfigFile  string // path of conf.yaml, empty for the defaults
	DataDir     string
	Backend     Backend
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

// A Service is a running service with its sockets, state, credentials and servers.
type Service struct {
	options     Options
	level       zap.AtomicLevel
	log         *zap.Logger
	access      *zap.Logger // takes the access log, whatever the level
	config      config.Config
	credentials *credentials.Store
	sockets     *listen.Sockets
	notifier    *notify.Notifier
	interval    time.Duration // between two pings of the watchdog
	metrics     *metrics.Metrics
	policy      *access.Policy
	content     content
	servers     []*httpserver.Server
	stopping    atomic.Bool
	// statusChanged holds one if what is served has changed since the last status line.
	statusChanged chan struct{}
	reloadErr     error     // why the last reload was rejected
	warned        time.Time // when the log last warned of the certificate's end
}

// Open does everything that can fail before the service is ready. An error that a
// restart cannot fix is a ConfigError.
func Open(o Options) (*Service, error) {
	s := &Service{options: o, level: zap.NewAtomicLevel(), metrics: metrics.New(o.Version), statusChanged: make(chan struct{}, 1)}
	if err := s.open(); err != nil {
		s.logNotifyError(s.notifier.Status("Not started: " + err.Error()))
		s.sockets.Close()
		return nil, s.logExit("not started", err)
	}
	return s, nil
}

// open opens the sockets first, because the log of every error goes to one of
// them.
func (s *Service) open() (err error) {
	s.sockets, err = s.options.Listen()
	s.notifier = notify.New(s.sockets.Notify)
	s.openLog()
	switch {
	case errors.Is(err, listen.ErrMissing): // a restart of the .socket unit fixes it
		return err
	case err != nil:
		return &ConfigError{err}
	}
	watchdog, err := notify.WatchdogInterval(s.options.Getenv("WATCHDOG_USEC"))
	if err != nil {
		return &ConfigError{err}
	}
	s.interval = min(cmp.Or(watchdog, statusInterval), statusInterval)
	c, set, err := Load(s.options.ConfigFile, s.options.Credentials)
	if err != nil {
		return err
	}
	s.config, s.credentials = c, credentials.NewStore(set)
	s.policy = access.New(s.credentials, c.Access)
	if err := s.openContent(); err != nil {
		return err
	}
	s.apply(s.config)
	s.recordReload(nil)
	s.addServers()
	return nil
}

func (s *Service) openLog() {
	o := logging.Options{
		Output: s.options.Stderr, Level: s.level, JournalStream: s.options.Getenv("JOURNAL_STREAM"),
		Journal: s.sockets.Journal, OnDrop: s.metrics.LogEntryDropped,
	}
	s.log = logging.New(o)
	o.Level = zap.InfoLevel
	s.access = logging.New(o).WithOptions(zap.WithCaller(false))
}

// Close releases what Open opened.
func (s *Service) Close() error {
	s.sockets.Close()
	return s.content.Close()
}

// A ConfigError marks an error that a restart cannot fix. The process ends with
// exit status 78, and the unit does not restart it.
type ConfigError struct{ Err error }

func (e *ConfigError) Error() string { return e.Err.Error() }
func (e *ConfigError) Unwrap() error { return e.Err }

// logExit logs to the journal why the service ends, and returns err. The caller
// writes err to standard error as well: journald looks up an entry's unit when
// it reads the entry, which may be after the process has ended, and knows it of
// standard error in any case.
func (s *Service) logExit(message string, err error) error {
	if err != nil && s.sockets.Journal != nil {
		s.log.Error(message, exitEvent(err).Field(), zap.Error(err))
	}
	return err
}

func exitEvent(err error) logging.Event {
	event, ok := contentEvent(err)
	switch {
	case ok:
		return event
	case errors.Is(err, listen.ErrMissing):
		return logging.SocketMissing
	case errors.As(err, new(*ConfigError)):
		return logging.WrongConfiguration
	}
	return logging.Failed
}
