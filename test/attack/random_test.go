//go:build attack

package attack

import (
	"context"
	"flag"
	"math/rand/v2"
	"testing"
	"time"
)

var (
	seed     = flag.Uint64("seed", 0, "seed of the random clients; 0 picks one and prints it")
	duration = flag.Duration("random", 5*time.Second, "how long the random clients run")
)

// randomTimeout bounds how long a client that ends with silence takes.
const randomTimeout = 10 * time.Second

// TestRandomClients runs clients that obey the protocol and are random otherwise.
func TestRandomClients(t *testing.T) {
	t.Parallel()
	if *seed == 0 {
		*seed = rand.Uint64() >> 1
	}
	t.Logf("seed %d", *seed)
	for name, config := range map[string]string{"fast path": RandomConfig(randomTimeout), "net/http": RandomConfig(randomTimeout) + "http: {fast_path: false}\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startService(t, config)
			ctx, cancel := context.WithTimeout(t.Context(), *duration)
			defer cancel()
			s.Timeout = randomTimeout
			n, err := Random(ctx, s.Target, *seed)
			if err != nil {
				t.Error(err)
			}
			if err := s.Err(); err != nil {
				t.Error(err)
			}
			if panics := metric(t, s, "foobar_http_panics_total", "listener", "https"); panics != 0 {
				t.Errorf("%d panics", panics)
			}
			t.Logf("%d clients", n)
		})
	}
}
