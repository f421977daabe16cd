package service

import (
	"fmt"
	"net"
	"time"

	"foobar/src/engine"
	"foobar/src/httpserver"
	"foobar/src/listen"
	"foobar/src/metrics"

	"go.uber.org/zap"
)

// maxScrapes is how many connections for metrics are open at a time: what local users
// can make the service keep for them.
const maxScrapes = 64

func (s *Service) addServers() {
	https := s.content.handler()
	https.TLS = &httpserver.TLSOptions{Certificate: s.credentials.GetCertificate, ClientCAs: s.policy.ClientCAs}
	s.addServer(listen.HTTPS, s.sockets.HTTPS, https)
	s.addServer(listen.Admin, s.sockets.Admin, s.content.handler())
	s.addServer(listen.Metrics, s.sockets.Metrics, httpserver.Options{Handler: s.metrics.Handler(s.content.healthy, s.ready, s.log), MaxConnections: maxScrapes})
	s.renewTicketKeys()
}

// addServer serves the listeners of one name, if there are any. What Prometheus
// asks for is neither counted nor logged.
func (s *Service) addServer(name string, listeners []net.Listener, o httpserver.Options) {
	if len(listeners) == 0 {
		return
	}
	field := zap.String("listener", name)
	o.Settings, o.Log, o.Trusted = s.serverSettings(), s.log.With(field), name == listen.Admin
	o.Metrics = metrics.New("").Listener(name) // which nobody reads
	if name != listen.Metrics {
		o.Metrics, o.AccessLog = s.metrics.Listener(name), s.access.With(field)
	}
	server := httpserver.New(listeners, o)
	if name != listen.Metrics {
		s.metrics.RegisterConnections(name, server.Connections)
	}
	s.servers = append(s.servers, server)
	for _, l := range listeners {
		s.log.Info(fmt.Sprintf("listening on %s (%s)", l.Addr(), name), field, zap.Stringer("address", l.Addr()))
	}
}

func (s *Service) serverSettings() httpserver.Settings {
	c := s.config
	_, clientCertificates := s.policy.ClientCAs()
	return httpserver.Settings{
		Settings: engine.Settings{
			Header: time.Duration(c.Timeouts.Header), Body: time.Duration(c.Timeouts.Body),
			Response: time.Duration(c.Timeouts.Response), Idle: time.Duration(c.Timeouts.Idle),
			MaxHeader: int(c.Limits.Header), MaxDiscard: maxDiscard(c.Limits),
		},
		Connections: c.Limits.Connections, PerAddress: c.Limits.PerAddress,
		Requests:  c.Limits.Requests,
		FastPath:  c.HTTP.FastPath,
		AccessLog: c.Log.Access, Protocols: c.HTTP.Protocols.Names(), ClientCertificates: clientCertificates,
	}
}
