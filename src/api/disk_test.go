package api_test

import (
	"testing"
	"time"

	"foobar/src/api"
	"foobar/src/api/apitest"
	"foobar/src/state"
)

// TestAPI tests the API over the disk.
func TestAPI(t *testing.T) {
	apitest.Test(t, func(t *testing.T) api.Store {
		store, err := state.Open(state.Options{
			Dir: t.TempDir(), CheckpointDelay: time.Second,
			OnCommit: func(time.Duration, time.Duration, int) {}, Log: func(string, error) {},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { store.Close() })
		return store
	})
}
