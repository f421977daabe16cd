package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"foobar/src/config"
	"foobar/src/credentials"
	"foobar/src/metrics"
	"foobar/src/service"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"google.golang.org/grpc"
	grpccredentials "google.golang.org/grpc/credentials"
)

// A member is a member of etcd as far as a Store uses it: one key with its history.
type member struct {
	pb.UnimplementedKVServer
	server  *grpc.Server
	address string
	gate    sync.RWMutex // while a test has it locked, calls wait
	answers sync.RWMutex // while a test has it locked, the answers of reads wait
	latency atomic.Int64 // of each call, a time.Duration

	mu           sync.Mutex
	history      []*mvccpb.KeyValue // by revision; nil where the key has no value
	compacted    int64
	header       pb.ResponseHeader
	ranges, txns int
	// intercept is called for a transaction, and applies it by calling apply. The
	// error is the answer.
	intercept func(apply func()) error
	// rangeError is the answer to reads.
	rangeError error
	// lostRanges is how many reads have no answer from now on.
	lostRanges int
}

// errNoAnswer is for a call that the member does not answer.
var errNoAnswer = errors.New("no answer")

// errRejectedLate is for a transaction that is rejected when another one has come.
var errRejectedLate = errors.New("rejected late")

// must returns a function that ends the test where there is an error.
func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// makeCredentials makes a certificate that is its own authority.
func makeCredentials(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	must[[]string](t)(credentials.Generate(dir, credentials.Request{Now: time.Now()}))
	for name, from := range map[string]string{caFile: "cert", certFile: "cert", keyFile: "key"} {
		if err := os.Link(filepath.Join(dir, from), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// startMember starts a member with the credentials in dir.
func startMember(t *testing.T, dir string) *member {
	t.Helper()
	pair := must[tls.Certificate](t)(tls.LoadX509KeyPair(filepath.Join(dir, "cert"), filepath.Join(dir, "key")))
	m := &member{history: []*mvccpb.KeyValue{nil, nil}, header: pb.ResponseHeader{ClusterId: 1, RaftTerm: 2}}
	l := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	m.address = l.Addr().String()
	m.server = grpc.NewServer(grpc.Creds(grpccredentials.NewServerTLSFromCert(&pair)))
	pb.RegisterKVServer(m.server, m)
	go m.server.Serve(l)
	t.Cleanup(m.server.Stop)
	return m
}

// put replaces the value as another client does.
func (m *member) put(value []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.putLocked(value)
}

func (m *member) putLocked(value []byte) {
	revision := int64(len(m.history))
	kv := &mvccpb.KeyValue{Value: value, ModRevision: revision, CreateRevision: revision, Version: 1}
	if last := m.history[revision-1]; last != nil {
		kv.CreateRevision, kv.Version = last.CreateRevision, last.Version+1
	}
	m.history = append(m.history, kv)
}

// calls returns how many calls the member has got.
func (m *member) calls() (ranges, txns int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ranges, m.txns
}

func (m *member) last() *mvccpb.KeyValue { return m.history[len(m.history)-1] }

func (m *member) headerLocked() *pb.ResponseHeader {
	return &pb.ResponseHeader{ClusterId: m.header.ClusterId, RaftTerm: m.header.RaftTerm, Revision: int64(len(m.history) - 1)}
}

// Range implements pb.KVServer.
func (m *member) Range(ctx context.Context, r *pb.RangeRequest) (*pb.RangeResponse, error) {
	m.gate.RLock()
	defer m.gate.RUnlock()
	time.Sleep(time.Duration(m.latency.Load()))
	resp, err := m.read(r)
	if err == errNoAnswer {
		<-ctx.Done()
	}
	m.answers.RLock()
	defer m.answers.RUnlock()
	return resp, err
}

func (m *member) read(r *pb.RangeRequest) (*pb.RangeResponse, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !r.CountOnly { // a probe only counts
		m.ranges++
	}
	if m.lostRanges > 0 {
		m.lostRanges--
		return nil, errNoAnswer
	}
	if m.rangeError != nil {
		return nil, m.rangeError
	}
	resp := &pb.RangeResponse{Header: m.headerLocked()}
	kv := m.last()
	if r.Revision > 0 {
		if r.Revision < m.compacted {
			return nil, rpctypes.ErrGRPCCompacted
		}
		kv = m.history[r.Revision]
	}
	if kv != nil {
		resp.Count = 1
		if kv.ModRevision >= r.MinModRevision {
			resp.Kvs = []*mvccpb.KeyValue{kv}
		}
	}
	return resp, nil
}

// Txn implements pb.KVServer.
func (m *member) Txn(ctx context.Context, r *pb.TxnRequest) (*pb.TxnResponse, error) {
	m.gate.RLock()
	defer m.gate.RUnlock()
	time.Sleep(time.Duration(m.latency.Load()))
	_, before := m.calls()
	resp, err := m.transact(r)
	for err == errRejectedLate {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Millisecond):
		}
		if _, txns := m.calls(); txns > before+1 {
			err = rpctypes.ErrGRPCNoSpace
		}
	}
	if err == errNoAnswer {
		<-ctx.Done()
	}
	return resp, err
}

func (m *member) transact(r *pb.TxnRequest) (*pb.TxnResponse, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.txns++
	resp := &pb.TxnResponse{}
	apply := func() {
		revision := int64(0)
		if kv := m.last(); kv != nil {
			revision = kv.ModRevision
		}
		if resp.Succeeded = revision == r.Compare[0].GetModRevision(); resp.Succeeded {
			for _, op := range r.Success {
				m.putLocked(op.GetRequestPut().Value)
			}
		} else {
			kvs := &pb.RangeResponse{}
			if kv := m.last(); kv != nil {
				kvs.Kvs = []*mvccpb.KeyValue{kv}
			}
			resp.Responses = []*pb.ResponseOp{{Response: &pb.ResponseOp_ResponseRange{ResponseRange: kvs}}}
		}
		resp.Header = m.headerLocked()
	}
	if m.intercept != nil {
		return resp, m.intercept(apply)
	}
	apply()
	return resp, nil
}

// once lets the next transaction have an error, and not those after it.
func (m *member) once(f func(apply func()) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.intercept = func(apply func()) error {
		m.intercept = nil
		return f(apply)
	}
}

// A fixture is a Store with its member and its log.
type fixture struct {
	service.Store
	member *member
	log    *observer.ObservedLogs
	config config.Config
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	dir := makeCredentials(t)
	return newFixtureWith(t, dir, startMember(t, dir))
}

// newFixtureWith returns a Store of several members, each without a value.
func newFixtureWith(t *testing.T, dir string, members ...*member) *fixture {
	t.Helper()
	f := &fixture{member: members[0], config: config.Default()}
	var addresses []string
	for _, m := range members {
		addresses = append(addresses, m.address)
	}
	f.config.Cluster.Endpoints = config.Endpoints(strings.Join(addresses, ","))
	f.config.Cluster.Timeout, f.config.Cluster.TryTimeout = config.Duration(2*time.Second), config.Duration(500*time.Millisecond)
	core, log := observer.New(zap.InfoLevel)
	f.log = log
	f.Store = must[service.Store](t)(Backend{}.Open(service.StoreOptions{
		Dir: "/var/lib/foobar", CredentialsDir: dir, Config: f.config, Metrics: metrics.New("test"), Log: zap.New(core),
		OnCommit: func(time.Duration, time.Duration, int) {}, OnChange: func() {},
	}))
	t.Cleanup(func() { f.Close() })
	return f
}

// stopMonitor leaves the reads of the test as the only ones.
func (f *fixture) stopMonitor() {
	s := f.Store.(*Store)
	s.stop()
	s.running.Wait()
}

// holdRead begins a read, the only one, whose call has read the key and has no answer
// until the member's answers are unlocked.
func (f *fixture) holdRead(t *testing.T) {
	t.Helper()
	f.stopMonitor()
	f.member.answers.Lock()
	before, _ := f.member.calls()
	go f.Read(context.Background())
	waitFor(t, func() bool { after, _ := f.member.calls(); return after > before })
}
