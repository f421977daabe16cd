package dashboard

import (
	"context"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
)

func TestExpand(t *testing.T) {
	v := &View{values: map[string]string{"job": "foobar", "instance": matchAny([]string{"127.0.0.1:8081", "[::1]:1"}), "__rate_interval": (4 * time.Second).String()}}
	got, err := v.Expand(`rate(x{job="$job", instance=~"${instance}"}[$__rate_interval])`)
	if want := `rate(x{job="foobar", instance=~"(127\\.0\\.0\\.1:8081|\\[::1\\]:1)"}[4s])`; got != want || err != nil {
		t.Errorf("Expand returns %s, error %v; want %s", got, err, want)
	}
	if _, err := v.Expand(`$job $other`); err == nil || !strings.Contains(err.Error(), "other") {
		t.Errorf("Expand with an unknown variable returns error %v, want one that names it", err)
	}
}

// serve returns a client of a server that has one instance and knows one query.
func serve(t *testing.T) v1.API {
	t.Helper()
	answers := map[string]string{
		"/api/v1/label/job/values":      `["foobar"]`,
		"/api/v1/label/instance/values": `["127.0.0.1:8081"]`,
		"/api/v1/query_range":           `{"resultType":"matrix","result":[{"metric":{"code":"200"},"values":[[1,"2"],[2,"NaN"]]}]}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v1/query_range" && r.FormValue("query") != `up{job="foobar"}` {
			http.Error(w, `{"status":"error","errorType":"bad_data","error":"unknown query"}`, http.StatusBadRequest)
			return
		}
		w.Write([]byte(`{"status":"success","data":` + answers[r.URL.Path] + `}`))
	}))
	t.Cleanup(server.Close)
	client, err := api.NewClient(api.Config{Address: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return v1.NewAPI(client)
}

func TestQuery(t *testing.T) {
	d, err := Read("../dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	window := v1.Range{Start: time.Unix(1, 0), End: time.Unix(2, 0), Step: time.Second}
	v, err := d.Open(context.Background(), serve(t), window, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	matrix, err := v.Query(context.Background(), Target{Expr: `up{job="$job"}`})
	if err != nil {
		t.Fatal(err)
	}
	if len(matrix) != 1 || len(matrix[0].Values) != 2 || matrix[0].Values[0].Value != 2 || !math.IsNaN(float64(matrix[0].Values[1].Value)) {
		t.Errorf("Query returns %v", matrix)
	}
	if _, err := v.Query(context.Background(), Target{Expr: "nonsense"}); err == nil || !strings.Contains(err.Error(), "unknown query") {
		t.Errorf("a query that the server rejects returns error %v", err)
	}
}
