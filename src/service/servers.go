package service

import (
	"fmt"
	"net"
	"time"

	"foobar/src/api"
	"foobar/src/config"
	"foobar/src/http1"
	"foobar/src/httpserver"
	"foobar/src/listen"

	"go.uber.org/zap"
)

func (s *Service) addServers() {
	s.addServer(listen.HTTPS, s.sockets.HTTPS, httpserver.Options{
		Handler: s.api, FastPath: s.api,
		TLS: &httpserver.TLSOptions{Certificate: s.credentials.GetCertificate, ClientCAs: s.api.ClientCAs},
	})
	s.addServer(listen.Admin, s.sockets.Admin, httpserver.Options{Handler: s.api, FastPath: s.api, Trusted: true})
	s.addServer(listen.Metrics, s.sockets.Metrics, httpserver.Options{Handler: s.metrics.Handler(s.healthy, s.ready, s.log)})
}

// addServer serves the listeners of one name, if there are any. What Prometheus
// asks for is neither counted nor logged.
func (s *Service) addServer(name string, listeners []net.Listener, o httpserver.Options) {
	if len(listeners) == 0 {
		return
	}
	field := zap.String("listener", name)
	o.Settings, o.Log = s.serverSettings(), s.log.With(field)
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

func apiSettings(c config.Config) api.Settings {
	return api.Settings{Access: c.Access, State: int64(c.Limits.State), Uploads: int64(c.Limits.Uploads)}
}

// discardedStates is how many times limits.state a client may send in vain and
// still gets to read the response.
const discardedStates = 4

func (s *Service) serverSettings() httpserver.Settings {
	c := s.config
	cas, required := s.api.ClientCAs()
	return httpserver.Settings{
		Settings: http1.Settings{
			Header:     time.Duration(c.Timeouts.Header),
			Body:       time.Duration(c.Timeouts.Body),
			Response:   time.Duration(c.Timeouts.Response),
			Idle:       time.Duration(c.Timeouts.Idle),
			MaxHeader:  int(c.Limits.Header),
			MaxDiscard: discardedStates * int64(c.Limits.State),
		},
		Connections:        c.Limits.Connections,
		PerAddress:         c.Limits.PerAddress,
		Requests:           c.Limits.Requests,
		AccessLog:          c.Log.Access,
		FastPath:           c.HTTP.FastPath,
		Protocols:          c.HTTP.Protocols.Names(),
		ClientCertificates: httpserver.ClientCertificates{Requested: cas != nil, Required: required},
	}
}
