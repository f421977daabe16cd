package service

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"foobar/src/api"
	"foobar/src/config"
	"foobar/src/httpserver"
	"foobar/src/listen"

	"go.uber.org/zap"
)

// A server serves one listener.
type server interface {
	Run() error
	Apply(httpserver.Settings)
	Shutdown(context.Context) error
}

func (s *Service) addServers() {
	s.serveAPI(s.sockets.HTTPS, listen.HTTPS, httpserver.TLSConfig(httpserver.TLSOptions{
		Certificate: s.credentials.GetCertificate, ClientCAs: s.api.ClientCAs,
	}))
	s.serveAPI(s.sockets.Admin, listen.Admin, nil)
	s.serveMetrics(s.sockets.Metrics)
}

func (s *Service) serveAPI(l net.Listener, name string, tls *tls.Config) {
	if l == nil {
		return
	}
	engine := httpserver.NewEngine(l, httpserver.EngineOptions{
		Handler: s.api, TLS: tls, Trusted: name == listen.Admin, Settings: s.serverSettings(),
		Traffic: s.metrics.Listener(name), Log: s.log.With(zap.String("listener", name)),
		Access: s.access.With(zap.String("listener", name)),
	})
	s.metrics.RegisterConnections(name, engine.Connections)
	s.addServer(name, l, engine)
}

// serveMetrics serves the metrics by net/http, as client_golang has no other
// handler.
func (s *Service) serveMetrics(l net.Listener) {
	if l == nil {
		return
	}
	s.addServer(listen.Metrics, l, httpserver.NewServer(l, httpserver.Options{
		Handler:  s.metrics.Handler(s.healthy, s.ready, s.log),
		Settings: s.serverSettings(), Log: s.log.With(zap.String("listener", listen.Metrics)),
	}))
}

func (s *Service) addServer(name string, l net.Listener, srv server) {
	s.servers = append(s.servers, srv)
	s.log.Info(fmt.Sprintf("listening on %s (%s)", l.Addr(), name), zap.String("listener", name), zap.Stringer("address", l.Addr()))
}

func apiSettings(c config.Config) api.Settings {
	return api.Settings{Access: c.Access, State: int64(c.Limits.State), Uploads: int64(c.Limits.Uploads)}
}

func (s *Service) serverSettings() httpserver.Settings {
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
