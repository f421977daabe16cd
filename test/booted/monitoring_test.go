//go:build testbed

package booted

import (
	"context"
	"fmt"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"foobar/monitoring/dashboard"
	"foobar/test/booted/testbed"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

const (
	monitoringDocs = "/usr/share/doc/foobar/monitoring"
	rulesTests     = "/srv/source/monitoring/rules_test.yml"
	prometheusURL  = "http://127.0.0.1:9090"
	scrapeInterval = time.Second // in the accelerated configuration
)

// TestMonitoring runs Prometheus with the rules of the package. The rules pass their
// tests, no alert fires in normal operation, each failure makes its alert fire, and
// every query of the dashboard has a result.
func TestMonitoring(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		m := machines.Running(t, release)
		for _, args := range [][]string{
			{"check", "config", "--lint=all", "--lint-fatal", monitoringDocs + "/prometheus.yml"},
			{"check", "rules", "--lint=all", "--lint-fatal", monitoringDocs + "/rules.yml"},
			{"test", "rules", rulesTests},
		} {
			m.Exec(t, append([]string{"promtool"}, args...)...)
		}
		// Space for little more than two of the largest states.
		m.Exec(t, "systemctl", "stop", "foobar")
		m.Exec(t, "mount", "-t", "tmpfs", "-o", "size=80m,mode=700", "tmpfs", "/var/lib/private/foobar")
		m.Exec(t, "systemctl", "start", "foobar")
		s := connect(t, m)
		p := startPrometheus(t, m)
		begun := time.Now()

		stop := load(t, s)
		awaitObservation(t, p)
		if firing := firingAlerts(t, p); len(firing) != 0 {
			t.Errorf("alerts fire in normal operation: %v", firing)
		}
		causeFailures(t, s)
		expectFiring(t, p, "FoobarDiskFull", "FoobarDiskAlmostFull", "FoobarReloadRefused")
		awaitObservation(t, p)
		stop()
		expectAnswers(t, openDashboard(t, p, begun))
	})
}

// observation is how long Prometheus watches each condition.
const observation = 6 * time.Second

// awaitObservation waits until Prometheus has scraped the service for the time of
// an observation. Rates and the "for" of alerts need that time.
func awaitObservation(t *testing.T, p v1.API) {
	t.Helper()
	until := time.Now().Add(observation)
	testbed.Eventually(t, 10*observation, func() string {
		targets, err := p.Targets(t.Context())
		if err != nil {
			return err.Error()
		}
		if last := targets.Active[0].LastScrape; last.Before(until) {
			return fmt.Sprintf("the last scrape was at %v", last)
		}
		return ""
	})
}

// accelerated copies the shipped files, makes Prometheus scrape every second, and
// makes alerts fire a second after their expression holds. It checks that nothing
// else of the files changes.
const accelerated = `
cp -r ` + monitoringDocs + ` /tmp/monitoring
sed -i -E 's/^( *(scrape_interval|evaluation_interval|for|keep_firing_for): ).*/\11s/' /tmp/monitoring/*.yml
! diff -r ` + monitoringDocs + ` /tmp/monitoring >/tmp/changes
! grep -vE '^(diff|---|[0-9,c]+$|[<>] *(scrape_interval|evaluation_interval|for|keep_firing_for): )' /tmp/changes
install -d -o prometheus -g prometheus /tmp/data
systemd-run -q --unit=prometheus-test --uid=prometheus prometheus --config.file=/tmp/monitoring/prometheus.yml \
  --storage.tsdb.path=/tmp/data --web.listen-address=127.0.0.1:9090
`

func startPrometheus(t *testing.T, m *testbed.Machine) v1.API {
	t.Helper()
	m.Shell(t, accelerated)
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		return m.Dial(ctx, network, address)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	client, err := api.NewClient(api.Config{Address: prometheusURL, Client: &http.Client{Transport: transport, Timeout: 30 * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	p := v1.NewAPI(client)
	testbed.Eventually(t, 60*time.Second, func() string {
		targets, err := p.Targets(t.Context())
		if err != nil {
			return err.Error() + m.Try("journalctl", "-u", "prometheus-test", "-o", "cat").Stdout
		}
		if active := targets.Active; len(active) != 1 || active[0].ScrapeURL != metrics+"/metrics" || active[0].Health != v1.HealthGood {
			return fmt.Sprintf("%+v", active)
		}
		return ""
	})
	return p
}

// load starts clients that read and write, one after the other, and returns a
// function that stops them.
func load(t *testing.T, s *service) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var clients sync.WaitGroup
	for n := range 5 {
		own := connect(t, s.Machine)
		clients.Go(func() {
			select {
			case <-time.After(time.Duration(n) * observation / 6):
				own.sendRequests(ctx, t)
			case <-ctx.Done():
			}
		})
	}
	return func() {
		cancel()
		clients.Wait()
	}
}

// sendRequests reads and writes until the context ends.
func (s *service) sendRequests(ctx context.Context, t *testing.T) {
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	for i := 0; ctx.Err() == nil; i++ {
		method, body := "GET", ""
		if i%8 == 0 {
			method, body = "POST", strings.Repeat("x", 1000+i%5*30000)
		}
		if _, err := s.send(method, baseURL+"/", body, s.bearer()); err != nil {
			t.Errorf("%s: %v", method, err)
			return
		}
		<-pace.C
	}
}

// causeFailures fills the disk, and causes a failed write, a rejected reload and
// connections without a handshake. The write is repeated, because one that a smaller
// write follows in its batch is replaced before it needs space.
func causeFailures(t *testing.T, s *service) {
	t.Helper()
	s.Shell(t, "! dd if=/dev/zero of=/var/lib/private/foobar/filler bs=64k 2>&1")
	testbed.Eventually(t, 30*time.Second, func() string {
		answer, err := s.send("POST", baseURL+"/", strings.Repeat("x", 8<<20), s.bearer())
		if err != nil || answer.StatusCode != http.StatusInsufficientStorage {
			return fmt.Sprintf("a write to a full disk: %v, %+v", err, answer)
		}
		return ""
	})
	s.Write(t, confFile, setting("limits", "state", "banana"))
	s.Try("systemctl", "reload", "foobar")
	connectRepeatedly(s.Machine, 500*time.Millisecond) // without a TLS handshake
}

// firingAlerts returns the alerts that fire, by name.
func firingAlerts(t *testing.T, p v1.API) map[model.LabelValue]v1.Alert {
	t.Helper()
	result, err := p.Alerts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	firing := map[model.LabelValue]v1.Alert{}
	for _, a := range result.Alerts {
		if a.State == v1.AlertStateFiring {
			firing[a.Labels["alertname"]] = a
		}
	}
	return firing
}

// expectFiring waits until these alerts fire, and logs their texts.
func expectFiring(t *testing.T, p v1.API, names ...model.LabelValue) {
	t.Helper()
	var firing map[model.LabelValue]v1.Alert
	testbed.Eventually(t, 30*time.Second, func() string {
		firing = firingAlerts(t, p)
		for _, name := range names {
			if _, ok := firing[name]; !ok {
				return fmt.Sprintf("%s does not fire, but %v", name, firing)
			}
		}
		return ""
	})
	for _, name := range names {
		a := firing[name]
		if output := fmt.Sprint(a.Annotations); strings.Contains(output, "error") || !strings.Contains(output, "127.0.0.1:8081") {
			t.Errorf("%s says %s", name, output)
		}
		t.Logf("%s: %s. %s", name, a.Annotations["summary"], a.Annotations["description"])
	}
}

// openDashboard opens the dashboard of the package, as Grafana would.
func openDashboard(t *testing.T, p v1.API, from time.Time) *dashboard.View {
	t.Helper()
	d, err := dashboard.Read("../../monitoring/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	v, err := d.Open(t.Context(), p, v1.Range{Start: from, End: time.Now(), Step: scrapeInterval}, scrapeInterval)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// expectAnswers runs every query of the dashboard but those of metrics that only
// foobar-etcd has.
func expectAnswers(t *testing.T, v *dashboard.View) {
	t.Helper()
	queries := 0
	for _, panel := range v.Panels {
		for _, target := range panel.Targets {
			if strings.Contains(target.Expr, "foobar_cluster_") {
				continue
			}
			queries++
			matrix, err := v.Query(t.Context(), target)
			if err != nil {
				t.Errorf("%s: %v", panel.Title, err)
			} else if !slices.ContainsFunc(matrix, hasNumber) {
				t.Errorf("%s: %s has no values", panel.Title, target.Expr)
			}
		}
	}
	if queries == 0 {
		t.Error("the dashboard has no queries")
	}
}

// hasNumber reports whether a series has a value other than NaN, which is the ratio
// of zero to zero.
func hasNumber(series *model.SampleStream) bool {
	return slices.ContainsFunc(series.Values, func(s model.SamplePair) bool { return !math.IsNaN(float64(s.Value)) })
}
