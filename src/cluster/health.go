package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"foobar/src/api"
	"foobar/src/credentials"
	"foobar/src/service"
	"foobar/src/state"

	"go.uber.org/zap"
)

// monitorInterval is the time between two reads by which the store finds out whether
// a quorum answers.
const monitorInterval = time.Second

// A health is what the store knows of its reads.
type health struct {
	confirmed time.Time // of the last response, zero before the first
	since     time.Time // since when failure lasts
	failure   error     // nil while reads are answered
	revision  int64
	version   *state.Version
}

var errNotAsked = errors.New("etcd has not answered yet")

func (s *Store) currentHealth() health {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.health
}

// monitor reads the state again and again, so that the store notices what happens
// to the cluster without requests.
func (s *Store) monitor(ctx context.Context) {
	tick := time.NewTicker(monitorInterval)
	defer tick.Stop()
	warned := warning{}
	for {
		warned = s.warnExpiry(warned, time.Now())
		_, _ = s.Read(ctx) // onConfirmed and onFailed have the outcome
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// A warning is that a certificate expires.
type warning struct {
	session *session // has the certificate
	at      time.Time
}

// warnExpiry logs once a day that the certificate of the session in use expires soon or
// has expired. It returns the last warning.
func (s *Store) warnExpiry(last warning, now time.Time) warning {
	session := s.session.Load()
	leaf := session.creds.leaf()
	if !credentials.ExpiresSoon(leaf, now) || last.session == session && now.Sub(last.at) < 24*time.Hour {
		return last
	}
	s.options.Log.Warn("the certificate by which etcd knows the service expires soon, or has expired: "+credentials.Validity(leaf, now),
		eventCertificate.Field(), zap.Time("not_after", leaf.NotAfter))
	return warning{session, now}
}

// onConfirmed records a response.
func (s *Store) onConfirmed(e *entry, revision int64, changed bool) {
	s.mu.Lock()
	before := s.health
	s.health = health{confirmed: time.Now(), revision: revision, version: e.version}
	s.mu.Unlock()
	s.metrics.available.Set(1)
	s.metrics.confirmed.SetToCurrentTime()
	s.metrics.revision.Set(float64(revision))
	if changed && e.version != nil {
		s.options.Metrics.SetState(len(e.version.Data), e.version.Modified)
	}
	if before.failure != nil {
		s.options.Log.Info("etcd has answered, and the service is ready", eventAvailable.Field(), zap.Duration("after", time.Since(before.since)))
	}
	if changed || before.failure != nil {
		s.options.OnChange()
	}
}

// onFailed records that a read has failed.
func (s *Store) onFailed(err error) {
	if errors.Is(err, state.ErrClosed) {
		return
	}
	s.mu.Lock()
	before := s.health
	if before.failure == nil {
		s.health.since = before.confirmed
	}
	s.health.failure = err
	s.mu.Unlock()
	s.metrics.available.Set(0)
	if before.failure != nil && !errors.Is(before.failure, errNotAsked) {
		return
	}
	event := eventUnavailable
	if !errors.Is(err, state.ErrUnavailable) {
		event = api.Event(err)
	}
	s.options.Log.Error("the state cannot be read from etcd, and the service is not ready", event.Field(), zap.Error(err))
	s.options.OnChange()
}

// onRewound records that etcd has turned back.
func (s *Store) onRewound(before, now position) {
	s.metrics.rewound.Inc()
	s.options.Log.Warn("etcd has turned back to an earlier state, as after a snapshot was restored: the service has dropped what it knew",
		eventRewound.Field(), zap.Int64("revision_before", before.revision), zap.Int64("revision", now.revision),
		zap.String("cluster_before", fmt.Sprintf("%x", before.cluster)), zap.String("cluster", fmt.Sprintf("%x", now.cluster)))
}

// Status implements service.Store.
func (s *Store) Status() string {
	h, certificate := s.currentHealth(), credentials.Validity(s.session.Load().creds.leaf(), time.Now())
	if h.failure != nil {
		return fmt.Sprintf("NOT CONFIRMED BY ETCD SINCE %s: %v; etcd-cert: %s", h.since.Format(time.DateTime), h.failure, certificate)
	}
	return fmt.Sprintf("%s, etcd revision %d confirmed %s; etcd-cert: %s", service.DescribeState(h.version), h.revision, h.confirmed.Format(time.DateTime), certificate)
}
