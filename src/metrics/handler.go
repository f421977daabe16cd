package metrics

import (
	"fmt"
	"io"
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"
)

// landing links to what there is, as exporters do.
const landing = `<!DOCTYPE html>
<html lang="en">
<head><title>foobar</title></head>
<body>
<h1>foobar</h1>
<ul>
<li><a href="/metrics">/metrics</a>: for Prometheus</li>
<li><a href="/healthz">/healthz</a>: whether the process works</li>
<li><a href="/readyz">/readyz</a>: whether it takes requests</li>
</ul>
</body>
</html>
`

// Handler returns the pages of the metrics listener. Healthy and ready say why
// not, or nil.
func (m *Metrics) Handler(healthy, ready func() error, log *zap.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'")
		io.WriteString(w, landing)
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog:          zap.NewStdLog(log),
		EnableOpenMetrics: true,
	}))
	mux.HandleFunc("GET /healthz", check(healthy))
	mux.HandleFunc("GET /readyz", check(ready))
	return nosniff(mux)
}

func check(ok func() error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if err := ok(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	}
}

func nosniff(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}
