// Package monitoring has tests alone. They compare the files for Prometheus and
// Grafana with each other and with the metrics of the service.
package monitoring

import (
	"crypto/x509"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"foobar/monitoring/dashboard"
	"foobar/src/cluster"
	"foobar/src/config"
	"foobar/src/credentials"
	"foobar/src/metrics"
	"foobar/src/service"

	"go.uber.org/zap"
	"go.yaml.in/yaml/v4"
)

type rule struct {
	Record, Alert, Expr string
	Labels, Annotations map[string]string
}

func rules(t *testing.T) (all []rule) {
	t.Helper()
	var file struct{ Groups []struct{ Rules []rule } }
	read(t, "rules.yml", &file)
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) == 0 {
		t.Fatal("no rules")
	}
	return all
}

func read(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

// TestAlertsSayWhatToDo wants the annotations, a severity and a row in README.md
// for each alert.
func TestAlertsSayWhatToDo(t *testing.T) {
	manual, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules(t) {
		if r.Alert == "" {
			continue
		}
		for _, name := range []string{"summary", "description", "runbook"} {
			if r.Annotations[name] == "" {
				t.Errorf("%s has no %s", r.Alert, name)
			}
		}
		severity := r.Labels["severity"]
		if severity != "critical" && severity != "warning" {
			t.Errorf("the severity of %s is %q", r.Alert, severity)
		}
		if !strings.Contains(string(manual), "| "+r.Alert+" | "+severity+" |") {
			t.Errorf("README.md does not have %s, %s", r.Alert, severity)
		}
	}
}

// TestAlertsAreTested wants two cases in rules_test.yml for each alert: one in which
// it fires, and one in which it does not.
func TestAlertsAreTested(t *testing.T) {
	var file struct {
		Tests []struct {
			Expressions []struct {
				Expr    string
				Samples []any `yaml:"exp_samples"`
			} `yaml:"promql_expr_test"`
		}
	}
	read(t, "rules_test.yml", &file)
	fires, inactive := map[string]bool{}, map[string]bool{}
	for _, test := range file.Tests {
		expr, samples := "", 0
		for _, e := range test.Expressions {
			expr, samples = e.Expr, samples+len(e.Samples)
		}
		if samples > 0 {
			fires[expr] = true
		} else {
			inactive[expr] = true
		}
	}
	for _, r := range rules(t) {
		expr := `ALERTS{alertname="` + r.Alert + `", alertstate="firing"}`
		if r.Alert != "" && (!fires[expr] || !inactive[expr]) {
			t.Errorf("%s: a case in which it fires: %v, in which it does not: %v", r.Alert, fires[expr], inactive[expr])
		}
	}
}

var metricName = regexp.MustCompile(`(?:^|[^:\w])((?:foobar|process|go|job_instance)[_:][\w:]+)`)

// TestMetricsExist looks up each metric that a rule or a panel uses.
func TestMetricsExist(t *testing.T) {
	known := exported(t)
	for _, r := range rules(t) {
		known[r.Record] = true
	}
	want := func(where, expr string) {
		for _, found := range metricName.FindAllStringSubmatch(expr, -1) {
			if !known[found[1]] {
				t.Errorf("%s: there is no %s", where, found[1])
			}
		}
	}
	for _, r := range rules(t) {
		want(r.Alert+r.Record, r.Expr)
	}
	for _, p := range board(t).Panels {
		for _, target := range p.Targets {
			want(p.Title, target.Expr)
		}
	}
}

// exported returns the names of all time series that a service can have.
func exported(t *testing.T) map[string]bool {
	t.Helper()
	m := metrics.New("1")
	traffic := m.Listener("https")
	traffic.Start()
	traffic.Done("GET", 200, 0, 0, 0)
	traffic.Refused("malformed")
	m.ObserveReload(nil, &x509.Certificate{})
	m.RegisterConnections("https", func() int { return 0 })
	m.RegisterVersions(func() int { return 0 })
	m.RegisterStateDirectory(t.TempDir())
	registerCluster(t, m)
	w := httptest.NewRecorder()
	fine := func() error { return nil }
	m.Handler(fine, fine, zap.NewNop()).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	names := map[string]bool{}
	for _, found := range regexp.MustCompile(`(?m)^\w+`).FindAllString(w.Body.String(), -1) {
		names[found] = true
	}
	return names
}

func board(t *testing.T) *dashboard.Dashboard {
	t.Helper()
	d, err := dashboard.Read("dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Panels) == 0 {
		t.Fatal("no panels")
	}
	return d
}

// TestPanelsAreReadable wants a title, a description, a query and a unit for each
// panel, and no two panels in one place of Grafana's grid, which is 24 wide.
func TestPanelsAreReadable(t *testing.T) {
	occupied, ids, titles := map[[2]int]string{}, map[int]bool{}, map[string]bool{}
	for _, p := range board(t).Panels {
		if p.Title == "" || p.Description == "" || len(p.Targets) == 0 || p.FieldConfig.Defaults.Unit == "" && p.Type == "timeseries" {
			t.Errorf("%q has no title, description, query or unit", p.Title)
		}
		if ids[p.ID] || titles[p.Title] {
			t.Errorf("%q and its id %d are there twice", p.Title, p.ID)
		}
		ids[p.ID], titles[p.Title] = true, true
		if p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("%q is outside", p.Title)
		}
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if other, ok := occupied[at]; ok {
					t.Fatalf("%q lies on %q", p.Title, other)
				}
				occupied[at] = p.Title
			}
		}
	}
}

// registerCluster adds the metrics of foobar-etcd: a store registers them when it is
// opened, whether etcd answers or not.
func registerCluster(t *testing.T, m *metrics.Metrics) {
	t.Helper()
	dir := t.TempDir()
	if _, err := credentials.Generate(dir, credentials.Request{Hosts: []string{"localhost"}, Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	for name, from := range map[string]string{"etcd-ca": "cert", "etcd-cert": "cert", "etcd-key": "key"} {
		if err := os.Link(filepath.Join(dir, from), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	c := config.Default()
	c.Cluster.Endpoints = "127.0.0.1:1"
	store, err := cluster.Backend{}.Open(service.StoreOptions{
		Dir: dir, CredentialsDir: dir, Config: c, Metrics: m, Log: zap.NewNop(), OnChange: func() {},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}
