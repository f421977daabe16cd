// Package monitoring has tests alone: what is shipped for Prometheus and
// Grafana fits together, and fits the metrics.
package monitoring

import (
	"crypto/x509"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"foobar/monitoring/dashboard"
	"foobar/src/metrics"

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

// Each alert is tried by promtool, where it fires and where it does not.
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
	fires, keepsQuiet := map[string]bool{}, map[string]bool{}
	for _, test := range file.Tests {
		expr, samples := "", 0
		for _, e := range test.Expressions {
			expr, samples = e.Expr, samples+len(e.Samples)
		}
		if samples > 0 {
			fires[expr] = true
		} else {
			keepsQuiet[expr] = true
		}
	}
	for _, r := range rules(t) {
		expr := `ALERTS{alertname="` + r.Alert + `", alertstate="firing"}`
		if r.Alert != "" && (!fires[expr] || !keepsQuiet[expr]) {
			t.Errorf("%s: a case in which it fires: %v, in which it does not: %v", r.Alert, fires[expr], keepsQuiet[expr])
		}
	}
}

var metricName = regexp.MustCompile(`(?:^|[^:\w])((?:foobar|process|go|job_instance)[_:][\w:]+)`)

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

// exported are the names of all time series that a service can have.
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

// Panels have what a reader needs, and none lies on another: Grafana's grid is
// 24 wide.
func TestPanelsAreReadable(t *testing.T) {
	taken, ids, titles := map[[2]int]string{}, map[int]bool{}, map[string]bool{}
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
				if other, ok := taken[at]; ok {
					t.Fatalf("%q lies on %q", p.Title, other)
				}
				taken[at] = p.Title
			}
		}
	}
}
