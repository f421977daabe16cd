//go:build cluster

package cluster

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// key is where the services of these tests have the state.
const key = "/foobar/foobar/state"

// The events that the log has, as src/cluster/events.go.
const (
	eventUnavailable = "a7f9f70adf374c5099157f4c250eb77c"
	eventAvailable   = "e81fdcd732c44c22bfe0f93cab8c2b9e"
	eventRewound     = "0f11c9fab9604e60b1d9504e364f6d00"
	eventDenied      = "d547afad44bb40298b104fe0ef791785"
	eventRecord      = "5932b5b643d64fcbb05eaa89337d052f"
)

// TestOperation does to a cluster what administrators and accidents do.
func TestOperation(t *testing.T) {
	c := startMembers(t)
	c.pki.issue(t, "foobar", time.Now().Add(time.Hour))
	c.pki.issue(t, "expired", time.Now().Add(-time.Hour))
	b := &bed{members: c, services: []*service{newService(t, c, build(t), "  timeout: 2s\n  try_timeout: 1s\n")}}
	for _, test := range []struct {
		name string
		run  func(*testing.T, *bed)
	}{
		{"API", apiSuite}, {"same answers", sameAnswers}, {"value by hand", valueByHand}, {"certificates", certificates},
		{"quorum lost", quorumLost}, {"snapshot restored", snapshotRestored}, {"control", control},
		{"permission", permission}, // the last, as clients need a user from then on
	} {
		if testing.Short() && test.name == "control" { // which tests the tests
			continue
		}
		t.Run(test.name, func(t *testing.T) {
			b.services[0].t = t
			test.run(t, b)
		})
	}
}

// sameAnswers compares the responses of foobar-etcd with those of foobar.
func sameAnswers(t *testing.T, b *bed) {
	program := filepath.Join(t.TempDir(), "foobar")
	run(t, "go", "build", "-o", program, "../../src/foobar")
	disk := newService(t, b.members, program, "")
	if !strings.Contains(disk.log(), "b130288e578049c9bf983a97b60053e6") {
		t.Error("foobar does not say that it ignores the cluster")
	}
	large := strings.Repeat("x", 1<<20)
	for _, r := range []struct {
		method, path, body string
		header             []string
	}{
		{"GET", "/", "", nil}, {"HEAD", "/", "", nil}, {"GET", "/healthz", "", nil}, {"GET", "/none", "", nil}, {"DELETE", "/", "", nil},
		{"POST", "/", "a", []string{"If-Match", "*"}}, {"PUT", "/", "one", []string{"If-None-Match", "*"}}, {"PUT", "/", "one", []string{"If-None-Match", "*"}},
		{"GET", "/", "", nil}, {"HEAD", "/", "", nil}, {"GET", "/", "", []string{"Range", "bytes=1-"}}, {"GET", "/", "", []string{"Range", "bytes=9-"}},
		{"GET", "/", "", []string{"If-None-Match", `"7692c3ad3540bb803c020b3aee66cd88"`}}, {"GET", "/", "", []string{"If-Match", `"other"`}},
		{"POST", "/", "two", []string{"If-Match", `"7692c3ad3540bb803c020b3aee66cd88"`}}, {"POST", "/", "two", []string{"If-Match", `"7692c3ad3540bb803c020b3aee66cd88"`}},
		{"POST", "/", "x", []string{"If-Match", ""}}, {"POST", "/", "x", []string{"Content-Range", "bytes 0-0/1"}}, {"POST", "/", "x", []string{"Content-Encoding", "gzip"}},
		{"POST", "/", "", nil}, {"GET", "/", "", nil}, {"POST", "/", large, nil}, {"GET", "/", "", nil}, {"POST", "/", large + "x", nil}, {"GET", "/", "", nil},
	} {
		header := http.Header{}
		for i := 0; i < len(r.header); i += 2 {
			header.Set(r.header[i], r.header[i+1])
		}
		ours, got, err := b.services[0].do(r.method, r.path, r.body, header)
		theirs, want, diskErr := disk.do(r.method, r.path, r.body, header)
		if err != nil || diskErr != nil {
			t.Fatal(err, diskErr)
		}
		for _, h := range []*http.Response{ours, theirs} {
			h.Header.Del("Date")
			h.Header.Del("X-Request-Id")
		}
		if ours.StatusCode != theirs.StatusCode || fmt.Sprint(ours.Header) != fmt.Sprint(theirs.Header) || got != want {
			t.Errorf("%s %s %v: foobar-etcd %d %v %.80q, foobar %d %v %.80q", r.method, r.path, r.header, ours.StatusCode, ours.Header, got, theirs.StatusCode, theirs.Header, want)
		}
	}
}

// valueByHand replaces and deletes the record. What is no record is not overwritten.
func valueByHand(t *testing.T, b *bed) {
	client, s := b.client(t, b.endpoints...), b.services[0]
	for _, value := range []string{"garbage", "record\x00\x09" + strings.Repeat("x", 100), ""} {
		must[*clientv3.PutResponse](t)(client.Put(t.Context(), key, value))
		s.expect("GET", "/", "", 500, "the log of the service has the reason")
		s.expect("POST", "/", "overwritten", 500, "the log of the service has the reason")
		s.expect("GET", "/healthz", "", 500, "")
		if resp := must[*clientv3.GetResponse](t)(client.Get(t.Context(), key)); string(resp.Kvs[0].Value) != value {
			t.Errorf("%q was overwritten by %q", value, resp.Kvs[0].Value)
		}
	}
	if n := strings.Count(s.log(), eventRecord); n == 0 {
		t.Errorf("the log is\n%s", s.log())
	}
	must[*clientv3.DeleteResponse](t)(client.Delete(t.Context(), key))
	s.expect("GET", "/", "", 404, "no state")
	s.expect("PUT", "/", "again", 201, "ok")
	s.expect("GET", "/", "", 200, "again")
}

// certificates gives the service certificates that etcd refuses, and files that the
// service refuses.
func certificates(t *testing.T, b *bed) {
	s := b.services[0]
	other := newAuthority(t, t.TempDir())
	other.issue(t, "foobar", time.Now().Add(time.Hour))
	for name, change := range map[string]func(){
		"expired":            func() { s.use(b.pki, "expired") },
		"of other authority": func() { s.use(other, "foobar"); s.write("etcd-ca", read(t, b.pki.file("ca.pem"))) },
		"other members":      func() { s.use(b.pki, "foobar"); s.write("etcd-ca", read(t, other.file("ca.pem"))) },
	} {
		before := strings.Count(s.log(), eventUnavailable)
		change()
		s.reload()
		s.expect("GET", "/", "", 503, "unavailable")
		s.expect("POST", "/", "x", 503, "the state is unchanged")
		eventually(t, "the log entry of "+name, func() error {
			if strings.Count(s.log(), eventUnavailable) == before {
				return fmt.Errorf("the log is\n%s", s.log())
			}
			return nil
		})
		s.use(b.pki, "foobar")
		s.reload()
		s.awaitStatus(200)
	}
	s.write("etcd-key", "damaged")
	s.reload()
	if !strings.Contains(s.log(), "reload rejected") || !strings.Contains(s.log(), "etcd-key") {
		t.Errorf("the log is\n%s", s.log())
	}
	s.expect("GET", "/", "", 200, "")
	s.use(b.pki, "foobar")
	s.reload()
}

func read(t testing.TB, path string) string {
	t.Helper()
	return string(must[[]byte](t)(os.ReadFile(path)))
}

// quorumLost requires an answer to each request within cluster.timeout, and that the
// service is ready again without a restart.
func quorumLost(t *testing.T, b *bed) {
	s := b.services[0]
	s.expect("POST", "/", "before", 200, "ok")
	b.all[0].kill()
	b.all[1].kill()
	limit := 2*time.Second + 100*time.Millisecond
	if testing.Short() {
		limit += 400 * time.Millisecond // a busy machine
	}
	for _, r := range [][2]string{{"GET", "/"}, {"GET", "/healthz"}, {"POST", "/"}} {
		start := time.Now()
		resp, text, err := s.do(r[0], r[1], "lost", nil)
		if err != nil {
			t.Fatal(err)
		}
		if want := map[string]int{"GET": 503, "POST": 504}[r[0]]; resp.StatusCode != want {
			t.Errorf("%s %s: %d %q, want %d", r[0], r[1], resp.StatusCode, text, want)
		}
		took := time.Since(start).Round(time.Millisecond)
		if took > limit {
			t.Errorf("%s %s took %v, longer than %v", r[0], r[1], took, limit)
		}
		t.Logf("%s %s took %v", r[0], r[1], took)
	}
	b.all[0].start(t, b.bin)
	b.all[1].start(t, b.bin)
	b.awaitLeader(t)
	returned := time.Now()
	s.awaitStatus(200)
	took := time.Since(returned).Round(time.Millisecond)
	if took > 2*time.Second {
		t.Errorf("ready %v after the quorum, later than 2 s", took)
	}
	t.Logf("ready %v after the quorum", took)
	if err := s.process.Process.Signal(syscall.Signal(0)); err != nil || strings.Count(s.log(), eventAvailable) < 2 {
		t.Errorf("%v; the log is\n%s", err, s.log())
	}
}

// snapshotRestored turns etcd back under the service.
func snapshotRestored(t *testing.T, b *bed) {
	s, client := b.services[0], b.client(t, b.endpoints...)
	s.expect("POST", "/", "early", 200, "ok")
	snapshot := filepath.Join(t.TempDir(), "snapshot")
	stream := must[io.ReadCloser](t)(client.Snapshot(t.Context()))
	if err := os.WriteFile(snapshot, must[[]byte](t)(io.ReadAll(stream)), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		s.expect("POST", "/", fmt.Sprint("late", i), 200, "ok")
	}
	late := s.expect("GET", "/", "", 200, "late4").Header.Get("ETag")
	for _, m := range b.all {
		m.stop()
		os.RemoveAll(m.dir)
		args := []string{"snapshot", "restore", snapshot, "--data-dir", m.dir}
		for i := 0; i < len(m.args); i += 2 {
			if strings.Contains("--name --initial-cluster --initial-cluster-token --initial-advertise-peer-urls", m.args[i]) {
				args = append(args, m.args[i], m.args[i+1])
			}
			if m.args[i] == "--client-cert-auth" || m.args[i] == "--peer-client-cert-auth" {
				i-- // has no value
			}
		}
		if out, err := exec.Command(filepath.Join(b.bin, "etcdutl"), args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	for _, m := range b.all {
		m.start(t, b.bin)
	}
	b.awaitLeader(t)
	s.awaitStatus(200)
	s.expect("GET", "/", "", 200, "early")
	if resp, _, err := s.do("POST", "/", "x", http.Header{"If-Match": {late}}); err != nil || resp.StatusCode != 412 {
		t.Errorf("a write over a version that is gone: %v %v", resp, err)
	}
	s.expect("POST", "/", "new", 200, "ok")
	s.expect("GET", "/", "", 200, "new")
	if !strings.Contains(s.log(), eventRewound) {
		t.Errorf("the log is\n%s", s.log())
	}
}

// permission turns on etcd's users. The user is the common name of the certificate.
func permission(t *testing.T, b *bed) {
	s, client := b.services[0], b.client(t, b.endpoints...)
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	for _, user := range []string{"root", "foobar"} {
		must[*clientv3.AuthUserAddResponse](t)(client.UserAddWithOptions(ctx, user, "", &clientv3.UserAddOptions{NoPassword: true}))
	}
	must[*clientv3.AuthUserGrantRoleResponse](t)(client.UserGrantRole(ctx, "root", "root"))
	must[*clientv3.AuthRoleAddResponse](t)(client.RoleAdd(ctx, "state"))
	must[*clientv3.AuthRoleGrantPermissionResponse](t)(client.RoleGrantPermission(ctx, "state", key, "", clientv3.PermissionType(clientv3.PermReadWrite)))
	must[*clientv3.AuthEnableResponse](t)(client.AuthEnable(ctx))
	s.expect("GET", "/", "", 500, "the log of the service has the reason")
	s.expect("POST", "/", "x", 500, "the log of the service has the reason")
	if !strings.Contains(s.log(), eventDenied) {
		t.Errorf("the log is\n%s", s.log())
	}
	must[*clientv3.AuthUserGrantRoleResponse](t)(client.UserGrantRole(ctx, "foobar", "state"))
	s.awaitStatus(200)
	s.expect("POST", "/", "x", 200, "ok")
}

// control reads from a member that is cut off from its peers without asking
// them. The history must not be linearizable, or the tests of this package would
// find nothing.
func control(t *testing.T, c *bed) {
	leader := c.awaitLeader(t)
	writer, reader := c.client(t, c.endpoints...), c.client(t, leader.address+":2379")
	leader.inside(t, "nft", "add table inet test; add chain inet test in { type filter hook input priority 0; }; add rule inet test in ip saddr 10.77.0.11-10.77.0.13 drop")
	defer leader.inside(t, "nft", "delete table inet test")
	var operations []porcupine.Operation
	start := time.Now()
	add := func(in input, f func(context.Context) (string, error)) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		call := time.Since(start).Nanoseconds()
		if out, err := f(ctx); err == nil {
			operations = append(operations, porcupine.Operation{Input: in, Call: call, Output: out, Return: time.Since(start).Nanoseconds()})
		}
	}
	for _, text := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		add(input{kind: "put", text: text}, func(ctx context.Context) (string, error) {
			_, err := writer.Put(ctx, "control", text)
			return "ok", err
		})
		add(input{kind: "get"}, func(ctx context.Context) (string, error) {
			resp, err := reader.Get(ctx, "control", clientv3.WithSerializable())
			if err != nil || len(resp.Kvs) == 0 {
				return "", err
			}
			return string(resp.Kvs[0].Value), nil
		})
	}
	if result := linearizable("", operations); result != porcupine.Illegal {
		t.Errorf("reads without a quorum are linearizable (%s): %v", result, operations)
	}
}
