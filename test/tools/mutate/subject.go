package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"foobar/test/directives"
)

const (
	units = "/usr/lib/systemd/system/"
	// article is where a machine has the article's unit.
	article = "/srv/article.service"
	// walked are the directories in which the probe looks at every path: not
	// /usr, which has too many for a run of some seconds. /proc comes first, under
	// whose name the probe shows processes without their numbers.
	walked = "/proc,/dev,/sys,/etc,/home,/root,/run,/tmp,/var/lib/foobar,/var/tmp"
)

// A subject is a unit that is measured.
type subject struct {
	name    string // of the measurements
	unit    string // that is started
	program string // that the unit starts; the probe takes its place
	data    string // a directory in which the service can write, or "" for standard output
	sockets []string
	// kept names the directives of the bare unit, and rooted those that a unit
	// in a root directory has in addition. Without them there is no bare unit.
	kept, rooted []string
	extra        []line         // what a drop-in that is made at run time adds
	calls        map[int]string // names of system calls
	names        []string       // of the unit's directives
}

func subjects() []subject {
	return []subject{
		{
			name: "foobar.service", unit: "foobar.service", program: "/bin/foobar", data: "/var/lib/foobar",
			sockets: []string{"foobar.socket", "foobar-metrics.socket", "foobar-admin.socket"},
			kept:    []string{"Type", "ExecStart", "OpenFile", "Sockets", "StateDirectory", "LoadCredential", "ImportCredential", "SetCredential"},
			rooted:  []string{"RootDirectory", "BindReadOnlyPaths"},
		},
		{
			name: "the article's unit", unit: "foobar.service", program: "/bin/foobar", data: "/var/lib/foobar",
			kept:   []string{"Type", "ExecStart", "StateDirectory", "LoadCredential"},
			rooted: []string{"RootDirectory", "RuntimeDirectory", "BindReadOnlyPaths"},
		},
		{
			name: "foobar-credentials.service", unit: "foobar-credentials.service", program: "/bin/foobar", data: "/etc/foobar/credentials",
		},
		{
			name: "foobar-credentials-check@.service", unit: "foobar-credentials-check@x.service", program: "/bin/foobar",
			extra: []line{{"Service", "BindReadOnlyPaths", "/etc/foobar"}, {"Service", "LoadCredential", "cert:/etc/foobar/credentials/cert"}},
		},
		{
			name: "foobar-credentials-reload.service", unit: "foobar-credentials-reload.service", program: "/usr/bin/foobar", data: "/run/systemd/system",
		},
		{
			name: "foobar-sockets-reopen.service", unit: "foobar-sockets-reopen.service", program: "/usr/bin/foobar",
		},
	}
}

func findSubject(name string) (subject, error) {
	for _, s := range subjects() {
		if s.name == name {
			return s, nil
		}
	}
	return subject{}, fmt.Errorf("nothing is known of %q", name)
}

// prepare puts the probe in the binary's place and takes away the drop-ins,
// whose lines read returns with those of the unit.
func (s subject) prepare() error {
	script := `
cd /etc/systemd/system
for file in /usr/lib/systemd/system/foobar*.service.d/*.conf; do
  dir=$(basename "$(dirname "$file")"); mkdir -p "$dir"; ln -sf /dev/null "$dir/$(basename "$file")"
done
id mutant >/dev/null 2>&1 || useradd -r -M mutant
mkdir -p /etc/certs /run/systemd/system/foobar-credentials-check@x.service.d
touch /etc/certs/example.com{,-key}.pem
systemctl stop foobar foobar-credentials-reload.path
mountpoint -q /usr/bin/foobar || mount --bind /srv/probe /usr/bin/foobar
mkdir -p /usr/local/bin
ln -sf /srv/probe /usr/local/bin/foobar`
	if len(s.sockets) == 0 { // they would be handed to any unit of the service's name
		script += `
systemctl mask --now foobar.socket foobar-metrics.socket foobar-admin.socket`
	}
	if out, err := exec.Command("bash", "-euc", script).CombinedOutput(); err != nil {
		return fmt.Errorf("prepare the machine: %w: %s", err, out)
	}
	return nil
}

// read returns the unit as it is shipped, with the probe in its program's place.
func (s *subject) read() (unit, error) {
	var files []string
	for _, file := range directives.MeasuredUnits()[s.name] {
		if filepath.Base(file) == filepath.Base(article) {
			files = append(files, article)
			continue
		}
		files = append(files, filepath.Join(units, file))
	}
	u, err := readUnit(files...)
	if err != nil {
		return nil, err
	}
	for _, l := range u {
		if l.section == "Service" {
			s.names = append(s.names, l.name)
		}
	}
	return u.set("ExecStart", s.command()), nil
}

func (s subject) command() string {
	words := []string{s.program, "-only", "attempts,paths", "-walk", walked, "-config", "/etc/foobar/conf.yaml", "-cert", "${CREDENTIALS_DIRECTORY}/cert"}
	if s.data != "" {
		words = append(words, "-data", s.data)
	}
	return strings.Join(words, " ")
}

// bare returns the unit with what it cannot do without, and as a user without
// privileges; in a root directory if rooted is set.
func (s subject) bare(whole unit, rooted bool) unit {
	keep := map[string]bool{}
	for _, name := range s.kept {
		keep[name] = true
	}
	for _, name := range s.rooted {
		keep[name] = rooted
	}
	u := unit{{"Service", "User", "mutant"}}
	for _, l := range whole {
		if l.section == "Service" && keep[l.name] {
			u = append(u, l)
		}
	}
	return u
}

// report returns the path of the probe's report.
func (s subject) report() string {
	if s.data == "" {
		return "/srv/report.jsonl"
	}
	return filepath.Join(s.data, "probe.jsonl")
}

// install makes the unit the one that systemd knows, and removes what earlier
// runs have left.
func (s subject) install(u unit) error {
	if err := s.stop(); err != nil {
		return err
	}
	var fixed unit
	for _, l := range u {
		if l.section == "Service" {
			fixed = append(fixed, l)
		}
	}
	fixed = append(fixed, s.extra...)
	fixed = append(fixed, line{"Unit", "StartLimitIntervalSec", "0"})
	if s.data == "" {
		fixed = append(fixed, line{"Service", "StandardOutput", "truncate:" + s.report()})
	}
	if err := os.RemoveAll(s.report()); err != nil {
		return err
	}
	// Mount points stay in the root directory, and others' settings close them.
	points, err := filepath.Glob("/run/foobar/*")
	if err != nil {
		return err
	}
	for _, dir := range append(points, "/var/lib/foobar", "/var/lib/private/foobar") {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	path := "/etc/systemd/system/" + strings.Replace(s.unit, "@x.", "@.", 1)
	if err := os.WriteFile(path, []byte(fixed.text()), 0o644); err != nil {
		return err
	}
	_, err = output("systemctl", "daemon-reload")
	return err
}

// stop stops the unit and its sockets: attempts that succeed may have shut the
// sockets down.
func (s subject) stop() error {
	_, err := output("systemctl", append([]string{"stop", s.unit}, s.sockets...)...)
	return err
}
