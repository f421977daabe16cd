package cluster

import (
	"context"
	"sync/atomic"
	"time"

	"foobar/src/config"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"
)

const (
	// pingInterval and pingTimeout are when a connection to a host that has vanished
	// is given up. gRPC pings every ten seconds at most; the kernel gives up data
	// that is not acknowledged for pingTimeout.
	pingInterval = 10 * time.Second
	pingTimeout  = 3 * time.Second
)

// newClient returns a client that connects when it is used.
func newClient(c config.Cluster, creds tlsCredentials) (*clientv3.Client, error) {
	var endpoints []string
	for _, address := range c.Endpoints.List() {
		endpoints = append(endpoints, "https://"+address)
	}
	return clientv3.New(clientv3.Config{
		Endpoints: endpoints, TLS: creds.config(c.ServerName), Logger: zap.NewNop(),
		DialKeepAliveTime: pingInterval, DialKeepAliveTimeout: pingTimeout, PermitWithoutStream: true,
		DialOptions: []grpc.DialOption{
			grpc.WithNoProxy(), // the members' addresses are literal
			grpc.WithStatsHandler(sendObserver{}),
		},
	})
}

// A sendObserver notes which calls were sent to a member. A write that was not sent
// has not changed anything, whatever its error is.
type sendObserver struct{}

type sentKey struct{}

// withSendObserver returns a context for a call, and whether a member may have
// received the call.
func withSendObserver(ctx context.Context) (context.Context, *atomic.Bool) {
	sent := &atomic.Bool{}
	return context.WithValue(ctx, sentKey{}, sent), sent
}

// HandleRPC implements stats.Handler. OutHeader is the first event of a call that
// has got a connection.
func (sendObserver) HandleRPC(ctx context.Context, s stats.RPCStats) {
	if _, ok := s.(*stats.OutHeader); !ok {
		return
	}
	if sent, ok := ctx.Value(sentKey{}).(*atomic.Bool); ok {
		sent.Store(true)
	}
}

// TagRPC implements stats.Handler.
func (sendObserver) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// TagConn implements stats.Handler.
func (sendObserver) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn implements stats.Handler.
func (sendObserver) HandleConn(context.Context, stats.ConnStats) {}
