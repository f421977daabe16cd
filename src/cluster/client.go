package cluster

import (
	"context"
	"crypto/tls"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/stats"
)

const (
	// pingInterval and pingTimeout are when a connection to a host that has vanished
	// is given up. gRPC pings every ten seconds at most; the kernel gives up data
	// that is not acknowledged for pingTimeout.
	pingInterval = 10 * time.Second
	pingTimeout  = 3 * time.Second

	// minReconnectDelay and maxReconnectDelay are how long the client waits before it
	// connects to a member again. In a rolling restart, the next member may stop a
	// second after the last one is back.
	minReconnectDelay, maxReconnectDelay = 50 * time.Millisecond, time.Second
)

// newClient returns a client of the member at an address. It connects when it is used,
// and leaves it to the caller to make a call again.
func newClient(address string, c *tls.Config) (*clientv3.Client, error) {
	reconnect := backoff.Config{BaseDelay: minReconnectDelay, Multiplier: 1.6, Jitter: .2, MaxDelay: maxReconnectDelay}
	return clientv3.New(clientv3.Config{
		Endpoints: []string{"https://" + address}, TLS: c, Logger: zap.NewNop(), MaxUnaryRetries: 1,
		DialKeepAliveTime: pingInterval, DialKeepAliveTimeout: pingTimeout, PermitWithoutStream: true,
		DialOptions: []grpc.DialOption{
			grpc.WithNoProxy(), // the members' addresses are literal
			grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnect, MinConnectTimeout: pingTimeout}),
			grpc.WithStatsHandler(sendObserver{}),
		},
	})
}

// A sendObserver notes which calls were sent to a member. A write that was not sent
// has not changed anything, whatever its error is.
type sendObserver struct{}

// sentKey has in the context of calls how many of them a member may have received, an
// *atomic.Int32.
type sentKey struct{}

// HandleRPC implements stats.Handler. OutHeader is the first event of a call that
// has got a connection.
func (sendObserver) HandleRPC(ctx context.Context, s stats.RPCStats) {
	if _, ok := s.(*stats.OutHeader); !ok {
		return
	}
	if sent, ok := ctx.Value(sentKey{}).(*atomic.Int32); ok {
		sent.Add(1)
	}
}

// TagRPC implements stats.Handler.
func (sendObserver) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// TagConn implements stats.Handler.
func (sendObserver) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn implements stats.Handler.
func (sendObserver) HandleConn(context.Context, stats.ConnStats) {}
