package static

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"foobar/test/directives"
)

// unitWithDropIns returns the directives of a unit and of its drop-ins.
func unitWithDropIns(t *testing.T, unit string) []directives.Directive {
	t.Helper()
	all := parse(t, unit)
	dropIns, err := filepath.Glob(path(unit) + ".d/*.conf")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range dropIns {
		all = append(all, parse(t, unit+".d/"+filepath.Base(file))...)
	}
	return all
}

// TestDirectories wants directories of its own for each instance, whatever directory
// a unit adds.
func TestDirectories(t *testing.T) {
	for _, unit := range policyFiles(t) {
		if filepath.Ext(unit) != ".service" {
			continue
		}
		for _, fault := range directives.DirectoryFaults("foobar", isTemplate(unit), unitWithDropIns(t, unit)) {
			t.Errorf("%s: %s", unit, fault)
		}
	}
}

// TestDropInsOfInstances wants each drop-in of a service for its instances too.
func TestDropInsOfInstances(t *testing.T) {
	dropIns, err := filepath.Glob(root + "/systemd/*.service.d/*.conf")
	if err != nil || len(dropIns) == 0 {
		t.Fatalf("%q: %v", dropIns, err)
	}
	for _, file := range dropIns {
		unit, template := filepath.Dir(file), strings.Replace(filepath.Dir(file), ".service.d", "@.service.d", 1)
		if strings.HasSuffix(unit, "@.service.d") || !exists(strings.TrimSuffix(template, ".d")) {
			continue
		}
		if !exists(filepath.Join(template, filepath.Base(file))) {
			t.Errorf("%s has no counterpart in %s: instances run without it", file, template)
		}
	}
}

// addedDirectory matches the settings that TestDirectoryFaults adds, which the unit of a
// copied service may have.
var addedDirectory = regexp.MustCompile(`^(Runtime|Cache|Logs)Directory(Mode)?$`)

// TestDirectoryFaults adds directories to foobar.service and to its template, right and
// wrong ones.
func TestDirectoryFaults(t *testing.T) {
	for _, test := range []struct{ unit, added, fault string }{
		{"foobar.service", "CacheDirectory=foobar\nCacheDirectoryMode=0700\nNoExecPaths=+/var/cache/foobar", ""},
		{"foobar@.service", "CacheDirectory=foobar@%i\nCacheDirectoryMode=0700\nNoExecPaths=+/var/cache/foobar@%i", ""},
		{"foobar@.service", "CacheDirectory=foobar\nCacheDirectoryMode=0700\nNoExecPaths=+/var/cache/foobar", "CacheDirectory=foobar is one directory for all instances"},
		{"foobar@.service", "CacheDirectory=foobar@%i other\nCacheDirectoryMode=0700\nNoExecPaths=+/var/cache/foobar@%i +/var/cache/other", "CacheDirectory=other is one directory for all instances"},
		{"foobar@.service", "LogsDirectory=foobar\nLogsDirectoryMode=0700\nNoExecPaths=+/var/log/foobar", "LogsDirectory=foobar is one"},
		{"foobar@.service", "RuntimeDirectory=foobar-run\nRuntimeDirectoryMode=0700\nNoExecPaths=+/run/foobar-run", "RuntimeDirectory=foobar-run is one"},
		{"foobar.service", "RuntimeDirectory=foobar\nRuntimeDirectoryMode=0700\nNoExecPaths=+/run/foobar", "RuntimeDirectory=foobar is RootDirectory="},
		{"foobar.service", "RuntimeDirectory=foobar-run\nRuntimeDirectoryMode=0700\nNoExecPaths=+/run/foobar-run", ""},
		{"foobar.service", "LogsDirectory=foobar\nLogsDirectoryMode=0700", "LogsDirectory=foobar lacks +/var/log/foobar in NoExecPaths="},
		{"foobar.service", "CacheDirectory=foobar\nNoExecPaths=+/var/cache/foobar", "needs CacheDirectoryMode=0700"},
		{"foobar@.service", "ExecStart=/bin/foobar -cache /var/cache/foobar", "ExecStart= has /var/cache/foobar, which is one path for all instances"},
		{"foobar@.service", "BindPaths=/var/lib/foobar", "BindPaths= has /var/lib/foobar"},
		{"foobar@.service", "ReadOnlyPaths=/var/lib/foobar@%i", ""},
	} {
		added, err := directives.Parse("added", "[Service]\n"+test.added)
		if err != nil {
			t.Fatal(err)
		}
		unit := slices.DeleteFunc(unitWithDropIns(t, test.unit), func(d directives.Directive) bool { return addedDirectory.MatchString(d.Name) })
		faults := directives.DirectoryFaults("foobar", isTemplate(test.unit), append(unit, added...))
		if test.fault == "" && len(faults) > 0 || !strings.Contains(strings.Join(faults, "\n"), test.fault) {
			t.Errorf("%s with %q: %q, want %q", test.unit, test.added, faults, test.fault)
		}
	}
}
