package state

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// seeded returns random numbers and prints the seed that repeats them:
// FOOBAR_SEED=n go test ….
func seeded(t testing.TB) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if given := os.Getenv("FOOBAR_SEED"); given != "" {
		var err error
		if seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatalf("FOOBAR_SEED: %v", err)
		}
	}
	t.Logf("FOOBAR_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}
