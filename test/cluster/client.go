//go:build cluster

package cluster

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// clientTLS returns the TLS configuration of a client that is a user of etcd.
func clientTLS(t testing.TB, pki *authority, user string) *tls.Config {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(must[[]byte](t)(os.ReadFile(pki.file("ca.pem"))))
	pair := must[tls.Certificate](t)(tls.LoadX509KeyPair(pki.file(user+".pem"), pki.file(user+".key")))
	return &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}}
}

// newClient returns a client of etcd with a certificate for a user.
func newClient(t testing.TB, pki *authority, user string, endpoints []string) *clientv3.Client {
	t.Helper()
	var urls []string
	for _, e := range endpoints {
		urls = append(urls, "https://"+e)
	}
	client := must[*clientv3.Client](t)(clientv3.New(clientv3.Config{
		Endpoints: urls, DialTimeout: time.Second, Logger: zap.NewNop(), TLS: clientTLS(t, pki, user),
	}))
	t.Cleanup(func() { client.Close() })
	return client
}
