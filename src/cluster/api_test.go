package cluster

import (
	"testing"

	"foobar/src/api"
	"foobar/src/api/apitest"
)

// TestAPI tests the API over the member of these tests. test/cluster tests it over
// etcd.
func TestAPI(t *testing.T) {
	apitest.Test(t, func(t *testing.T) api.Store { return newFixture(t) })
}
