package export

import (
	"fmt"
	"io"
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"etcd-lock/internal/format"
	"etcd-lock/internal/printable"
)

const index = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>etcd-lock export</title></head>
<body><h1>etcd-lock export</h1><p><a href="/metrics">/metrics</a> · <a href="/healthz">/healthz</a></p></body></html>
`

// handler serves the metrics, and whether they are current.
func (s *state) handler() http.Handler {
	registry := s.registry()
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.InstrumentMetricHandler(registry, promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry})))
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, index)
	})
	return mux
}

// healthz says whether the metrics of locks are known. They are not while etcd has not
// answered for too long.
func (s *state) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	silent, err := s.health()
	switch {
	case err == nil && silent == 0:
		_, _ = fmt.Fprintln(w, "ok")
	case err == nil:
		_, _ = fmt.Fprintf(w, "ok, but etcd has not answered for %s\n", format.Age(silent))
	case silent == 0:
		http.Error(w, printable.Text(format.Plainly(err)), http.StatusServiceUnavailable)
	default:
		http.Error(w, fmt.Sprintf("etcd has not answered for %s: %s", format.Age(silent), printable.Text(format.Plainly(err))), http.StatusServiceUnavailable)
	}
}
