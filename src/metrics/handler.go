package metrics

import (
	_ "embed"
	"fmt"
	"io"
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"
)

// landingPage links to the other pages, as Prometheus exporters do.
//
//go:embed index.html
var landingPage string

// Handler returns the handler of the metrics listener, with the pages /,
// /metrics, /healthz and /readyz. The last two answer 200 where healthy or ready
// returns nil, and otherwise 503 with the text of the error.
func (m *Metrics) Handler(healthy, ready func() error, log *zap.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'")
		io.WriteString(w, landingPage)
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog:          zap.NewStdLog(log),
		EnableOpenMetrics: true,
	}))
	mux.HandleFunc("GET /healthz", checkHandler(healthy))
	mux.HandleFunc("GET /readyz", checkHandler(ready))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		mux.ServeHTTP(w, r)
	})
}

func checkHandler(check func() error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if err := check(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	}
}
