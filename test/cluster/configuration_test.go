//go:build cluster

package cluster

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestWrongConfigurationExits78 starts foobar-etcd without what it needs. The status
// keeps systemd from starting the service again and again.
func TestWrongConfigurationExits78(t *testing.T) {
	program, dir := build(t), t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	run(t, program, "init-credentials", "-dir", dir, "-host", "localhost")
	for _, test := range []struct{ name, conf, want string }{
		{"no endpoints", "log:\n  level: info\n", "cluster.endpoints in conf.yaml is empty, and foobar-etcd keeps no state on the disk: set the addresses of etcd's members"},
		{"no credentials", "cluster:\n  endpoints: [127.0.0.1:2379]\n", "foobar-etcd needs the credentials etcd-ca, etcd-cert and etcd-key"},
		{"a name for an address", "cluster:\n  endpoints: [localhost:2379]\n", "conf.yaml:2:"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := os.WriteFile(in("conf.yaml"), []byte(test.conf), 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
			defer cancel()
			cmd := exec.CommandContext(ctx, program, "-config", in("conf.yaml"), "-data", dir, "-cert", in("cert"), "-key", in("key"),
				"-listen", "127.0.0.1:0", "-metrics-listen", "127.0.0.1:0", "-admin-listen", in("admin.sock"))
			out, _ := cmd.CombinedOutput()
			if status := cmd.ProcessState.ExitCode(); status != 78 || !strings.Contains(string(out), test.want) {
				t.Errorf("exit status %d, want 78 and %q:\n%s", status, test.want, out)
			}
		})
	}
}
