//go:build testbed

package booted

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"foobar/monitoring/dashboard"
	"foobar/test/booted/testbed"
)

const (
	monitoringDocs = "/usr/share/doc/foobar/monitoring"
	rulesTests     = "/srv/source/monitoring/rules_test.yml"
	prometheusURL  = "http://127.0.0.1:9090"
	scrapeInterval = time.Second // of the hurried configuration
)

// What foobar ships for Prometheus and Grafana, with a Prometheus: the rules
// pass their tests, nothing fires while all is well, what goes wrong fires, and
// every query of the dashboard has an answer. With FOOBAR_WRITE=1 it takes its
// time and draws the dashboard anew.
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
		// Room for little more than two of the largest states.
		m.Exec(t, "systemctl", "stop", "foobar")
		m.Exec(t, "mount", "-t", "tmpfs", "-o", "size=80m,mode=700", "tmpfs", "/var/lib/private/foobar")
		m.Exec(t, "systemctl", "start", "foobar")
		s := connect(t, m)
		p := startPrometheus(t, m)
		begun := time.Now()

		stop := load(t, s, pace(release))
		wait(pace(release))
		if firing := firingAlerts(t, p); len(firing) != 0 {
			t.Errorf("while all is well these fire: %v", firing)
		}
		breakThings(t, s)
		wantFiring(t, p, "FoobarDiskFull", "FoobarDiskAlmostFull", "FoobarReloadRefused")
		wait(pace(release))
		stop()
		view := look(t, p, begun)
		wantAnswers(t, view)
		if writes() && release == testbed.Releases[0] {
			draw(t, view)
		}
	})
}

// pace is how long things stay as they are.
func pace(release string) time.Duration {
	if writes() && release == testbed.Releases[0] {
		return 75 * time.Second
	}
	return 6 * time.Second
}

func wait(d time.Duration) { time.Sleep(d) }

// hurried makes Prometheus look every second and has alerts fire a second after
// their expression holds, instead of after minutes; it changes nothing else.
const hurried = `
cp -r ` + monitoringDocs + ` /tmp/monitoring
sed -i -E 's/^( *(scrape_interval|evaluation_interval|for|keep_firing_for): ).*/\11s/' /tmp/monitoring/*.yml
! diff -r ` + monitoringDocs + ` /tmp/monitoring >/tmp/hurried
! grep -vE '^(diff|---|[0-9,c]+$|[<>] *(scrape_interval|evaluation_interval|for|keep_firing_for): )' /tmp/hurried
install -d -o prometheus -g prometheus /tmp/data
systemd-run -q --unit=prometheus-test --uid=prometheus prometheus --config.file=/tmp/monitoring/prometheus.yml \
  --storage.tsdb.path=/tmp/data --web.listen-address=127.0.0.1:9090
`

func startPrometheus(t *testing.T, m *testbed.Machine) dashboard.Prometheus {
	t.Helper()
	m.Shell(t, hurried)
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		return m.Dial(ctx, network, address)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	p := dashboard.Prometheus{URL: prometheusURL, Client: &http.Client{Transport: transport, Timeout: 30 * time.Second}}
	testbed.Eventually(t, 60*time.Second, func() string {
		health, err := p.Targets()
		if err != nil {
			return err.Error() + m.Try("journalctl", "-u", "prometheus-test", "-o", "cat").Stdout
		}
		if len(health) != 1 || health[metrics+"/metrics"] != "up" {
			return fmt.Sprint(health)
		}
		return ""
	})
	return p
}

// load has clients read and write, more of them as time goes by, until the
// function that it returns is called.
func load(t *testing.T, s *service, pace time.Duration) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var clients sync.WaitGroup
	for n := range 5 {
		own := connect(t, s.Machine)
		clients.Go(func() {
			select {
			case <-time.After(time.Duration(n) * pace / 6):
				own.use(ctx, t)
			case <-ctx.Done():
			}
		})
	}
	return func() {
		cancel()
		clients.Wait()
	}
}

// use sends requests, some of which are meant to be refused.
func (s *service) use(ctx context.Context, t *testing.T) {
	for i := 0; ctx.Err() == nil; i++ {
		method, body := "GET", ""
		if i%8 == 0 {
			method, body = "POST", strings.Repeat("x", 1000+i%5*30000)
		}
		if _, err := s.send(method, baseURL+"/", body, s.bearer()); err != nil {
			t.Errorf("%s: %v", method, err)
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// breakThings fills the disk, has a write refused, a reload and connections.
func breakThings(t *testing.T, s *service) {
	t.Helper()
	s.Shell(t, "! dd if=/dev/zero of=/var/lib/private/foobar/filler bs=64k 2>&1")
	s.do(t, 507, "POST", "/", strings.Repeat("x", 8<<20), s.bearer())
	s.Write(t, confFile, setting("limits", "state", "banana"))
	s.Try("systemctl", "reload", "foobar")
	knock(s.Machine, 500*time.Millisecond) // and hangs up, before TLS is agreed on
}

// firingAlerts returns the alerts that fire, by name.
func firingAlerts(t *testing.T, p dashboard.Prometheus) map[string]dashboard.Alert {
	t.Helper()
	alerts, err := p.Alerts()
	if err != nil {
		t.Fatal(err)
	}
	firing := map[string]dashboard.Alert{}
	for _, a := range alerts {
		if a.State == "firing" {
			firing[a.Labels["alertname"]] = a
		}
	}
	return firing
}

// wantFiring waits until these alerts fire, and says what they say.
func wantFiring(t *testing.T, p dashboard.Prometheus, names ...string) {
	t.Helper()
	var firing map[string]dashboard.Alert
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
		if said := fmt.Sprint(a.Annotations); strings.Contains(said, "error") || !strings.Contains(said, "127.0.0.1:8081") {
			t.Errorf("%s says %s", name, said)
		}
		t.Logf("%s: %s. %s", name, a.Annotations["summary"], a.Annotations["description"])
	}
}

// look opens the dashboard of the package, as Grafana would.
func look(t *testing.T, p dashboard.Prometheus, from time.Time) *dashboard.View {
	t.Helper()
	d, err := dashboard.Read("../../monitoring/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	v, err := d.View(p, from, time.Now(), scrapeInterval, scrapeInterval)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// wantAnswers asks every query of the dashboard.
func wantAnswers(t *testing.T, v *dashboard.View) {
	t.Helper()
	asked := 0
	for _, panel := range v.Panels {
		for _, target := range panel.Targets {
			asked++
			lines, err := v.Ask(target)
			if err != nil {
				t.Errorf("%s: %v", panel.Title, err)
			} else if !slices.ContainsFunc(lines, func(l dashboard.Line) bool { return l.Numbers() > 0 }) {
				t.Errorf("%s: no answer to %s", panel.Title, target.Expr)
			}
		}
	}
	if asked == 0 {
		t.Error("the dashboard asks nothing")
	}
}

func draw(t *testing.T, v *dashboard.View) {
	t.Helper()
	out, err := os.Create("../../monitoring/dashboard.svg")
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Draw(out); err != nil {
		t.Error(err)
	}
	if err := out.Close(); err != nil {
		t.Error(err)
	}
}
