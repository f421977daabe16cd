//go:build testbed

package booted

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"foobar/test/booted/testbed"
	"foobar/test/documents"
)

const (
	clusterDoc = "../../docs/cluster.md"
	etcdMember = "192.0.2.1"
)

// A cluster is a machine with one member of etcd, on which the commands of
// docs/cluster.md run.
type cluster struct {
	*service
	scripts map[string]string
}

// as runs the commands below a heading of the document as a user: in the directory of
// the certificates, and with the variables that the document has its reader set.
func (c *cluster) as(t *testing.T, user, heading string) string {
	t.Helper()
	script := c.scripts[heading]
	if script == "" {
		t.Fatalf("%s has no commands below %q", clusterDoc, heading)
	}
	const dir = "/home/builder/certificates"
	c.Exec(t, "install", "-d", "-o", "builder", dir)
	return c.Must(t, testbed.Command{User: user, Dir: dir, Env: []string{"members=" + etcdMember, "me=" + etcdMember},
		Stdin: "y\n", Args: []string{"bash", "-euo", "pipefail", "-c", script}})
}

// TestCluster follows docs/cluster.md on one machine: it moves the state into etcd,
// serves it through failures and an upgrade, and moves it out again.
func TestCluster(t *testing.T) {
	onEachRelease(t, func(t *testing.T, release string) {
		c := &cluster{running(t, release), documents.Scripts(t, clusterDoc)}
		c.store(t, "on the disk")
		onDisk := c.do(t, 200, "GET", "/", "").Header.Get("ETag")
		closed := settings(t, c.Machine)
		c.startInstances(t)
		c.startEtcd(t)

		failsWithoutCluster(t, c)
		c.moveIn(t, onDisk)
		c.instancesAreSeparate(t)
		c.takesNewCertificate(t)
		everyEtcdCallIsNeeded(t, c, closed)
		c.losesEtcd(t)
		c.restoresSnapshot(t)
		c.upgradesUnderLoad(t)
		c.moveOut(t, closed)
	})
}

// clusterInstances are those beside foobar.service, with the ports of their sockets.
var clusterInstances = map[string]string{"blue": "8090", "green": "8092"}

// startInstances starts the instances on the disk.
func (c *cluster) startInstances(t *testing.T) {
	t.Helper()
	for name, port := range clusterInstances {
		c.Shell(t, `
install -D -m 644 `+confFile+` /etc/foobar@`+name+`/conf.yaml
printf '[Socket]\nListenStream=`+port+`\n' | systemctl edit --stdin foobar@`+name+`.socket
printf '[Socket]\nListenStream=127.0.0.1:1`+port+`\n' | systemctl edit --stdin foobar-metrics@`+name+`.socket
systemctl start foobar@`+name)
		c.instance(t, name).store(t, name+" on the disk")
	}
}

func (c *cluster) instance(t *testing.T, name string) *service {
	t.Helper()
	return connectTo(t, c.Machine, "/etc/foobar@"+name+"/credentials", "https://localhost:"+clusterInstances[name])
}

// startEtcd starts the member, and limits what the service may do in it.
func (c *cluster) startEtcd(t *testing.T) {
	t.Helper()
	c.Exec(t, "ip", "address", "add", etcdMember+"/32", "dev", "lo")
	c.as(t, "builder", "Certificates")
	c.as(t, "builder", "etcd")
	c.as(t, "builder", "A role")
}

// failsWithoutCluster installs foobar-etcd before it is configured: the service that
// runs goes on, and a start ends with status 78. The removal brings the disk back.
func failsWithoutCluster(t *testing.T, c *cluster) {
	t.Helper()
	pid := show(t, c.Machine, "MainPID")
	c.Exec(t, "pacman", "-S", "--noconfirm", "--noprogressbar", "foobar-etcd")
	if now := show(t, c.Machine, "MainPID"); now != pid {
		t.Error("the installation of foobar-etcd restarts the service")
	}
	if r := c.Try("systemctl", "restart", "foobar"); r.Code == 0 {
		t.Error("foobar-etcd starts without cluster.endpoints")
	}
	expectProperty(t, c.Machine, "ExecMainStatus", "78")
	expectContains(t, "the journal", journal(t, c.Machine, "-p", "err"), "cluster.endpoints")
	c.Exec(t, "pacman", "-Rs", "--noconfirm", "--noprogressbar", "foobar-etcd")
	c.Exec(t, "systemctl", "start", "foobar")
	c.expectState(t, "on the disk")
}

// moveIn moves the state of foobar.service into etcd. The package and the settings of
// the document come first, then the restart of its heading "Moving in".
func (c *cluster) moveIn(t *testing.T, etag string) {
	t.Helper()
	before, restart, ok := strings.Cut(c.scripts["foobar"], "sudo systemctl restart foobar\n")
	if !ok {
		t.Fatalf("%s does not restart foobar", clusterDoc)
	}
	c.scripts["before the restart"], c.scripts["after the restart"] = before, restart
	c.as(t, "builder", "before the restart")
	c.as(t, "root", "Moving in")
	c.as(t, "builder", "after the restart")
	c.awaitReady(t)
	testbed.Eventually(t, 10*time.Second, func() string {
		if status := show(t, c.Machine, "StatusText"); !strings.Contains(status, "etcd revision") {
			return "the status is " + status
		}
		return ""
	})
	if got := c.do(t, 200, "GET", "/", "").Header.Get("ETag"); got != etag {
		t.Errorf("the entity tag was %s on the disk, and is %s in etcd", etag, got)
	}
	c.store(t, "in etcd")
	if got := c.Read(t, stateFile); got != "on the disk" {
		t.Errorf("a write in etcd has made the state on the disk %q", got)
	}
	if got := exposure(t, c.Machine); got != "0.9" {
		t.Errorf("exposure is %s, in docs/directives.md 0.9", got)
	}
	c.exportsMetrics(t)
}

// exportsMetrics looks up the metrics of etcd that the rules and the dashboard use.
func (c *cluster) exportsMetrics(t *testing.T) {
	t.Helper()
	page := c.Exec(t, "curl", "-sSf", metrics+"/metrics")
	used := regexp.MustCompile(`foobar_cluster_\w+`).FindAllString(documents.Text(t, "../../monitoring/rules.yml")+documents.Text(t, "../../monitoring/dashboard.json"), -1)
	for _, name := range used {
		expectContains(t, "/metrics", page, "\n"+name)
	}
	if len(used) == 0 {
		t.Error("no rule and no panel uses a metric of etcd")
	}
}

// instancesAreSeparate leaves the instance blue on the disk, and moves green to etcd,
// where it has a key of its own.
func (c *cluster) instancesAreSeparate(t *testing.T) {
	t.Helper()
	c.as(t, "builder", "One instance on the disk")
	c.Shell(t, `
cp /etc/foobar/credentials/etcd-* /etc/foobar@green/credentials/
cp `+confFile+` /etc/foobar@green/conf.yaml
printf '[Service]\nIPAddressAllow=`+etcdMember+`\n' | systemctl edit --stdin foobar@green
systemctl restart foobar@blue foobar@green`)
	c.instance(t, "blue").expectState(t, "blue on the disk")
	green := c.instance(t, "green")
	green.do(t, 404, "GET", "/", "")
	green.store(t, "green in etcd")
	green.expectState(t, "green in etcd")
	c.expectState(t, "in etcd")
	for unit, want := range map[string]string{"foobar@blue.service": "yes", "foobar@green.service": "no"} {
		if got := showUnit(t, c.Machine, unit, "PrivateNetwork"); got != want {
			t.Errorf("%s: PrivateNetwork=%s, want %s", unit, got, want)
		}
	}
	expectSilence(t, "with foobar-etcd", c.Try(checkPolicy))
}

// takesNewCertificate gives the service a new certificate for etcd, without a restart,
// and then one that does not belong to its key, which is rejected.
func (c *cluster) takesNewCertificate(t *testing.T) {
	t.Helper()
	pid := show(t, c.Machine, "MainPID")
	const reloads = "journalctl --sync; journalctl -q -b -o cat -u foobar-credentials-reload.service | grep -c 'has new credentials' || true"
	before := c.Shell(t, reloads)
	c.Shell(t, `
cd /home/builder/certificates
openssl x509 -in foobar.pem -x509toreq -signkey foobar.key -out again.csr
openssl x509 -req -in again.csr -days 3 -CA authority.pem -CAkey authority.key -extfile <(echo extendedKeyUsage=clientAuth) -out again.pem
install -m 600 again.pem `+credsDir+`/etcd-cert`)
	testbed.Eventually(t, 2*reloadLimit, func() string {
		if c.Shell(t, reloads) == before {
			return "the new certificate is not in use"
		}
		return ""
	})
	awaitReloadUnit(t, c.Machine)
	c.Exec(t, "install", "-m", "600", "/home/builder/certificates/root.pem", credsDir+"/etcd-cert")
	testbed.Eventually(t, 2*reloadLimit, func() string {
		if r := c.Try("systemctl", "is-failed", "foobar-credentials-reload.service"); r.Code != 0 {
			return "foobar-credentials-reload.service is " + r.Stdout
		}
		return ""
	})
	c.store(t, "in etcd")
	c.Exec(t, "install", "-m", "600", "/home/builder/certificates/foobar.pem", credsDir+"/etcd-cert")
	awaitReloadUnit(t, c.Machine)
	expectProperty(t, c.Machine, "MainPID", pid)
}

// everyEtcdCallIsNeeded denies each system call that the drop-in allows. The service
// cannot reach etcd without two of them, and the kernel does not probe the connection
// without setsockopt(2). The filter has 51 calls.
func everyEtcdCallIsNeeded(t *testing.T, c *cluster, closed map[string][]string) {
	t.Helper()
	all := settings(t, c.Machine)["SystemCallFilter"]
	added := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return slices.Contains(closed["SystemCallFilter"], name) })
	if want := []string{"connect", "setsockopt", "socket"}; len(all) != 51 || !slices.Equal(added, want) {
		t.Errorf("SystemCallFilter= has %d calls, want 51; added are %q, want %q", len(all), added, want)
	}
	without := func(name string, status int) {
		t.Helper()
		dropIn(t, c.Machine, "foobar.service", "[Service]\nSystemCallFilter=~"+name+"\n")
		c.Exec(t, "systemctl", "restart", "foobar")
		c.awaitStatus(t, "without "+name, status)
		c.Shell(t, "rm /etc/systemd/system/foobar.service.d/50-test.conf; systemctl daemon-reload")
	}
	const probed = "timer:(keepalive"
	c.awaitStatus(t, "with all calls", 200)
	expectContains(t, "the connection to etcd", c.connections(t), probed)
	without("connect", 503)
	without("socket", 503)
	without("setsockopt", 200)
	if out := c.connections(t); out == "" || strings.Contains(out, probed) {
		t.Errorf("without setsockopt the connections to etcd are\n%s", out)
	}
	c.Exec(t, "systemctl", "restart", "foobar")
	c.expectState(t, "in etcd")
}

// connections returns the connections of the service to etcd, as ss(8) shows them.
func (c *cluster) connections(t *testing.T) string {
	t.Helper()
	return c.Shell(t, "ss -tnoHp dst "+etcdMember+":2379 | grep pid="+show(t, c.Machine, "MainPID")+" || true")
}

// awaitStatus waits until a read is answered with a status.
func (c *cluster) awaitStatus(t *testing.T, when string, status int) {
	t.Helper()
	testbed.Eventually(t, 30*time.Second, func() string {
		r, err := c.send("GET", c.url+"/", "")
		switch {
		case err != nil:
			return when + ": " + err.Error()
		case r.StatusCode != status:
			return when + ": " + r.Status
		}
		return ""
	})
}

// losesEtcd stops etcd and starts it again. The service is not ready meanwhile, does
// not restart, and is ready again by itself.
func (c *cluster) losesEtcd(t *testing.T) {
	t.Helper()
	pid := show(t, c.Machine, "MainPID")
	c.Exec(t, "systemctl", "stop", "etcd")
	c.awaitStatus(t, "without etcd", 503)
	if r := c.do(t, 503, "GET", "/", ""); r.Header.Get("Retry-After") == "" {
		t.Error("the response to a read without etcd has no Retry-After")
	}
	if r, err := c.send("POST", c.url+"/", "lost", c.bearer()); err != nil || r.StatusCode != 503 && r.StatusCode != 504 {
		t.Errorf("a write without etcd has status %d, error %v, want 503 or 504", r.StatusCode, err)
	}
	if r := c.Try("curl", "-sSf", metrics+"/readyz"); r.Code == 0 {
		t.Error("the service is ready without etcd")
	}
	c.Exec(t, "systemctl", "start", "etcd")
	c.awaitStatus(t, "with etcd again", 200)
	c.expectState(t, "in etcd")
	expectProperty(t, c.Machine, "MainPID", pid)
}

// restoresSnapshot turns the revisions of etcd back below the running service.
func (c *cluster) restoresSnapshot(t *testing.T) {
	t.Helper()
	c.store(t, "saved")
	c.as(t, "builder", "Backup")
	c.store(t, "after the snapshot")
	c.as(t, "root", "A restored snapshot")
	c.awaitStatus(t, "with the snapshot", 200)
	c.expectState(t, "saved")
	c.store(t, "in etcd")
}

// upgradesUnderLoad installs the next version of all packages and then this one again,
// while clients send requests.
func (c *cluster) upgradesUnderLoad(t *testing.T) {
	t.Helper()
	for _, version := range []string{"v2", "v1"} {
		pid := show(t, c.Machine, "MainPID")
		c.withoutFailure(t, func() {
			c.Shell(t, "pacman -U --noconfirm --noprogressbar "+testbed.Packages+"/"+version+"/foobar-{,policy-,etcd-,etcd-policy-}[0-9]*.pkg.tar.zst")
		})
		expectRestarted(t, c.service, pid)
		expectContains(t, "pacman -Q", c.Exec(t, "pacman", "-Q", "foobar-etcd"), "-"+version[1:]+"\n")
	}
	c.store(t, "in etcd")
}

// moveOut removes foobar-etcd by the commands of the document. The network is closed,
// and the disk has the state that was in etcd.
func (c *cluster) moveOut(t *testing.T, closed map[string][]string) {
	t.Helper()
	c.Exec(t, "rm", "/etc/systemd/system/foobar.service.d/override.conf")
	c.as(t, "root", "Moving out")
	c.expectState(t, "in etcd")
	testbed.Eventually(t, 10*time.Second, func() string {
		if got := c.Read(t, stateFile); got != "in etcd" {
			return "after the removal of foobar-etcd the disk has " + got
		}
		return ""
	})
	for name, was := range closed {
		if is := settings(t, c.Machine)[name]; !slices.Equal(is, was) {
			t.Errorf("%s was %q and is %q after the removal of foobar-etcd", name, was, is)
		}
	}
	c.instance(t, "green").expectState(t, "green on the disk")
	c.instance(t, "blue").expectState(t, "blue on the disk")
	expectContains(t, "the journal", journal(t, c.Machine, "-p", "warning"), "cluster.endpoints")
}
