package cluster

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"foobar/src/config"
	"foobar/src/service"
	"foobar/src/state"
)

// Backend is the service.Backend that keeps the state in etcd.
type Backend struct{}

// CheckCredentials implements service.Backend.
func (Backend) CheckCredentials(dir string) ([]string, error) {
	c, err := loadCredentials(dir)
	if err != nil {
		return nil, err
	}
	return c.describe(time.Now()), nil
}

// Open implements service.Backend. It does not wait for etcd: a service that starts
// while etcd is down is not ready until etcd answers.
func (Backend) Open(o service.StoreOptions) (service.Store, error) {
	s := &Store{options: o, metrics: newMetrics(o.Metrics.Registerer()), health: health{since: time.Now(), failure: errNotAsked}}
	if err := s.Apply(o.Config); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	s.running.Go(func() { s.monitor(ctx) })
	return s, nil
}

// A Store is the state in etcd. Its methods are safe for concurrent use.
type Store struct {
	options service.StoreOptions
	metrics *storeMetrics
	session atomic.Pointer[session]
	stop    context.CancelFunc // of monitor
	running sync.WaitGroup

	mu     sync.Mutex // guards the fields below
	health health
	old    []*session // that may have calls in progress
}

// Apply implements service.Store. Calls in progress end with the configuration that
// they began with.
func (s *Store) Apply(c config.Config) error {
	if c.Cluster.Endpoints == "" {
		return &service.ConfigError{Err: errors.New("cluster.endpoints in conf.yaml is empty, and foobar-etcd keeps no state on the disk: " +
			"set the addresses of etcd's members, or use the program foobar")}
	}
	creds, err := loadCredentials(s.options.CredentialsDir)
	if err != nil {
		return err
	}
	before := s.session.Load()
	if before != nil && before.config == c.Cluster && before.creds.digest == creds.digest {
		return nil
	}
	key := c.Cluster.Prefix + "/" + filepath.Base(s.options.Dir) + "/state"
	after, err := newSession(c.Cluster, creds, key, s)
	if err != nil {
		return &service.ConfigError{Err: fmt.Errorf("cluster: %w", err)}
	}
	s.session.Store(after)
	s.metrics.notBefore.Set(float64(creds.leaf().NotBefore.Unix()))
	s.metrics.notAfter.Set(float64(creds.leaf().NotAfter.Unix()))
	if before != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.old = append(s.old, before)
		time.AfterFunc(2*before.timeout, before.close) // its last call has ended
	}
	return nil
}

// Read implements api.Store.
func (s *Store) Read(ctx context.Context) (*state.Version, error) {
	return s.session.Load().read(ctx)
}

// Replace implements api.Store.
func (s *Store) Replace(ctx context.Context, c state.Condition, data []byte) (*state.Version, error) {
	v, err := s.session.Load().replace(ctx, c, data)
	if errors.Is(err, state.ErrUnknownOutcome) {
		s.metrics.unknown.Inc()
	}
	return v, err
}

// Check implements api.Store. While etcd does not answer, Check does not wait for it.
func (s *Store) Check(ctx context.Context) error {
	if failure := s.currentHealth().failure; failure != nil {
		return failure
	}
	_, err := s.Read(ctx)
	return err
}

// Close implements service.Store.
func (s *Store) Close() error {
	s.stop()
	s.running.Wait()
	s.mu.Lock()
	sessions := append(s.old, s.session.Load())
	s.mu.Unlock() // close waits for calls, which take the lock when they end
	for _, session := range sessions {
		session.close()
	}
	return nil
}
