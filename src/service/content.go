package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"syscall"
	"time"

	"foobar/src/api"
	"foobar/src/config"
	"foobar/src/engine"
	"foobar/src/http1"
	"foobar/src/httpserver"
	"foobar/src/logging"
	"foobar/src/metrics"
	"foobar/src/request"
	"foobar/src/state"

	"go.uber.org/zap"
)

// A content is what a Service serves: the API over a store. A service of another
// kind replaces this file; the rest of the package does not know what
// is served.
type content struct {
	Store
	api *api.API
}

// openContent opens the store, and the API over it.
func (s *Service) openContent() error {
	store, err := s.options.Backend.Open(StoreOptions{
		Dir: s.options.DataDir, CredentialsDir: filepath.Dir(s.options.Credentials.Cert), Config: s.config,
		Metrics: s.metrics, Log: s.log, OnCommit: s.onCommit, OnChange: s.notifyLater,
	})
	if err != nil {
		return err
	}
	s.content = content{store, api.New(store, s.policy, s.log, api.Settings{})} // apply follows
	s.metrics.RegisterVersions(s.content.api.Versions)
	return nil
}

// handler returns the options of a server for the requests of clients.
func (c content) handler() httpserver.Options {
	fastPath := func(o engine.Observer, s engine.Settings) engine.Engine { return http1.New(c.api, o, s) }
	return httpserver.Options{Handler: c.api, FastPath: fastPath}
}

// apply puts the settings of the API in force.
func (c content) apply(conf config.Config) {
	c.api.Apply(api.Settings{State: int64(conf.Limits.State), Uploads: int64(conf.Limits.Uploads)})
}

// drain has the API report that the service is about to stop.
func (c content) drain() { c.api.Drain() }

// healthy returns an error where the API does not answer. It does not ask the
// store, which may have to wait for a network that a restart does not repair.
func (c content) healthy() error {
	resp := c.api.Serve(context.Background(), &api.Request{Method: http.MethodOptions, Path: "*", Client: request.Client{Trusted: true}})
	if resp.Status == http.StatusInternalServerError {
		return fmt.Errorf("OPTIONS * has status %d", resp.Status)
	}
	return nil
}

// maxDiscard is how many bytes a client may send in vain and still gets to read the
// response: four times the largest state.
func maxDiscard(l config.Limits) int64 { return 4 * int64(l.State) }

// contentMemory returns what a configuration can make the API and the store need, in
// bytes: uploads, the current state, the versions that clients can keep in memory, and
// the one that the storage reads to compare or to recover it.
func contentMemory(l config.Limits) int64 {
	return (api.MaxVersions+2)*int64(l.State) + int64(l.Uploads)
}

// contentEvent returns the event for an error of the store, and reports whether it
// is one.
func contentEvent(err error) (logging.Event, bool) {
	event := api.Event(err)
	return event, event != logging.WriteFailed || errors.Is(err, state.ErrFailed)
}

// A Store is an api.Store that a Service opens, reloads and closes.
type Store interface {
	api.Store
	// Apply puts another configuration, and credentials that have changed, in force.
	// With an error it has changed nothing.
	Apply(config.Config) error
	// Status returns a phrase for the status line. It does not wait.
	Status() string
	Close() error
}

// A Backend is the kind of the store, which a program selects. Errors that a
// restart cannot fix are ConfigErrors.
type Backend interface {
	// Open opens the store.
	Open(StoreOptions) (Store, error)
	// CheckCredentials checks the credentials that the store needs besides those of
	// the service. It returns lines about them for an administrator, which change
	// with every change of them.
	CheckCredentials(dir string) ([]string, error)
}

// StoreOptions are what a Service opens its Store with.
type StoreOptions struct {
	// Dir is the state directory. A store that keeps the state elsewhere takes the
	// name of the instance, such as "foobar@blue", from the last part of the path.
	Dir string
	// CredentialsDir is the directory of the credentials.
	CredentialsDir string
	Config         config.Config
	Metrics        *metrics.Metrics
	Log            *zap.Logger
	// OnCommit is called as state.Options has it.
	OnCommit func(total, synced time.Duration, size int)
	// OnChange is called when Status has changed otherwise than by a commit.
	OnChange func()
}

// checkpointDelay is how soon after a write an administrator finds it in the
// statefile.
const checkpointDelay = 100 * time.Millisecond

// Disk is the Backend that keeps the state in the state directory.
type Disk struct{}

// CheckCredentials implements Backend.
func (Disk) CheckCredentials(string) ([]string, error) { return nil, nil }

type diskStore struct{ *state.Store }

// Open implements Backend.
func (Disk) Open(o StoreOptions) (Store, error) {
	store, err := state.Open(state.Options{
		Dir: o.Dir, CheckpointDelay: checkpointDelay, OnCommit: o.OnCommit,
		Log: func(message string, err error) { // what was recovered and what has failed
			if err != nil {
				o.Log.Error(message, api.Event(err).Field(), zap.Error(err))
				return
			}
			o.Log.Info(message, logging.Recovered.Field())
		},
	})
	if err != nil {
		return nil, storeError(err)
	}
	if o.Config.Cluster.Endpoints != "" {
		o.Log.Warn("cluster.endpoints in conf.yaml is not used, and the state is in the state directory: install foobar-etcd to keep the state in etcd",
			logging.ClusterUnused.Field())
	}
	if v := store.Current(); v != nil {
		o.Metrics.SetState(len(v.Data), v.Modified)
	}
	o.Metrics.RegisterStateDirectory(o.Dir)
	return diskStore{store}, nil
}

// Apply implements Store.
func (diskStore) Apply(config.Config) error { return nil }

// Status implements Store.
func (d diskStore) Status() string { return DescribeState(d.Current()) }

// DescribeState returns a phrase about a version, nil before the first write.
func DescribeState(v *state.Version) string {
	if v == nil {
		return "no state stored yet"
	}
	return fmt.Sprintf("state of %d bytes, written %s", len(v.Data), v.Modified.Format(time.DateTime))
}

// storeError makes a ConfigError of what a restart cannot fix.
func storeError(err error) error {
	for _, permanent := range []error{fs.ErrNotExist, fs.ErrPermission, syscall.ENOTDIR, state.ErrOwner, state.ErrChanged} {
		if errors.Is(err, permanent) {
			return &ConfigError{fmt.Errorf("-data: %w", err)}
		}
	}
	return err
}

// onCommit records a commit, and has the status line follow it.
func (s *Service) onCommit(total, fsync time.Duration, size int) {
	s.metrics.ObserveCommit(total, fsync, size)
	s.notifyLater()
}
