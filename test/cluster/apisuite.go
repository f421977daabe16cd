//go:build cluster

package cluster

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"foobar/src/api"
	"foobar/src/api/apitest"
	etcd "foobar/src/cluster"
	"foobar/src/config"
	"foobar/src/metrics"
	backend "foobar/src/service"

	"go.uber.org/zap"
)

// apiSuite tests the API as the tests of src/api do over the disk. Each of its stores has
// a key of its own.
func apiSuite(t *testing.T, b *bed) {
	opened := 0
	apitest.Test(t, func(t *testing.T) api.Store {
		opened++
		c := config.Default()
		c.Cluster.Endpoints = config.Endpoints(strings.Join(b.endpoints, ", "))
		store, err := etcd.Backend{}.Open(backend.StoreOptions{
			Dir: fmt.Sprint("/var/lib/api", opened), CredentialsDir: b.services[0].dir, Config: c,
			Metrics: metrics.New("test"), Log: zap.NewNop(),
			OnCommit: func(time.Duration, time.Duration, int) {}, OnChange: func() {},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { store.Close() })
		return store
	})
}
