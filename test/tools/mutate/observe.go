package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"foobar/test/booted/sandbox"
)

// runLimit ends the wait for a probe, whose walk over the paths may be long.
const runLimit = 40 * time.Second

// An observation is what was seen of one run of a unit.
type observation struct {
	report     *sandbox.Report
	attempts   []string // that have succeeded
	partial    bool
	calls      []string // names of the system calls that the filter allows
	properties []string
	exposure   string
}

// observe runs the unit with the probe in it, and returns what it sees. An
// error says why the unit does not run.
func (s subject) observe(u unit) (observation, error) {
	var o observation
	if err := s.install(u); err != nil {
		return o, err
	}
	if _, err := output("systemctl", "start", "--no-block", s.unit); err != nil {
		return o, err
	}
	report, err := s.await()
	if err != nil {
		return o, err
	}
	end := "{\"kind\":\"end\"}\n"
	if !strings.HasSuffix(report, end) {
		o.partial = true
		report = report[:strings.LastIndexByte(report, '\n')+1] + end
	}
	if o.report, err = sandbox.Parse(report); err != nil {
		return o, err
	}
	if len(o.report.Paths) == 0 {
		return o, fmt.Errorf("the probe did not end its attempts within %v", runLimit)
	}
	o.attempts = o.report.Succeeded()
	pid, err := s.pid()
	if err != nil {
		return o, err
	}
	if o.calls, err = s.allowedCalls(pid); err != nil {
		return o, err
	}
	if o.properties, err = properties(pid); err != nil {
		return o, err
	}
	settings, err := s.settings()
	if err != nil {
		return o, err
	}
	o.properties = append(o.properties, settings...)
	o.exposure, err = exposure(s.unit)
	return o, err
}

// await waits until the probe has ended its report, or the limit.
func (s subject) await() (string, error) {
	var text string
	for n, deadline := 0, time.Now().Add(runLimit); time.Now().Before(deadline); n++ {
		time.Sleep(100 * time.Millisecond)
		if n%5 == 4 {
			if err := s.failure(); err != nil {
				return "", err
			}
		}
		b, err := os.ReadFile(s.report())
		if err != nil {
			continue // the service has not made it yet
		}
		if text = reportLines(string(b)); strings.HasSuffix(text, "{\"kind\":\"end\"}\n") {
			break
		}
	}
	return text, nil
}

// reportLines leaves out what other programs have written: the probe runs some of
// them, and its report may be on standard output.
func reportLines(text string) string {
	var report strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "{") {
			report.WriteString(line)
		}
	}
	return report.String()
}

// failure returns how the unit has failed, or nil.
func (s subject) failure() error {
	out, err := output("systemctl", "show", "-p", "SubState", "-p", "NRestarts", s.unit)
	if err != nil {
		return err
	}
	if !strings.Contains(out, "SubState=failed") && !strings.Contains(out, "SubState=auto-restart") && strings.Contains(out, "NRestarts=0") {
		return nil
	}
	// The properties of the first start are gone if there was another since.
	journal, err := output("journalctl", "-q", "-b", "-o", "cat", "-n", "50", "-u", s.unit)
	if err != nil {
		return err
	}
	statuses := regexp.MustCompile(`status=([0-9]+/[A-Z_]+)`).FindAllStringSubmatch(journal, -1)
	if len(statuses) == 0 {
		return errors.New("no status")
	}
	return fmt.Errorf("status %s", statuses[len(statuses)-1][1])
}

func (s subject) pid() (int, error) {
	out, err := output("systemctl", "show", "--value", "-p", "MainPID", s.unit)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(out))
}

// settings returns what systemd makes of the directives of the unit: a setting
// that stays without its directive is implied by another, or the default.
func (s subject) settings() ([]string, error) {
	out, err := output("systemctl", "show", s.unit)
	if err != nil {
		return nil, err
	}
	var found []string
	for text := range strings.Lines(out) {
		name, value, _ := strings.Cut(strings.TrimSpace(text), "=")
		if slices.Contains(s.names, strings.Replace(name, "USec", "Sec", 1)) && name != "ExecStart" {
			words := strings.Fields(value) // in no order
			slices.Sort(words)
			found = append(found, "setting "+name+"="+strings.Join(words, " "))
		}
	}
	return found, nil
}

// numbers parses "0=read" and the like.
func numbers(calls []string) (map[int]string, error) {
	names := map[int]string{}
	for _, call := range calls {
		number, name, _ := strings.Cut(call, "=")
		n, err := strconv.Atoi(number)
		if err != nil {
			return nil, fmt.Errorf("system call %q: %w", call, err)
		}
		names[n] = name
	}
	return names, nil
}

// allowedCalls returns the system calls that the process's filters allow.
// Rules about arguments are what attempts are for.
func (s subject) allowedCalls(pid int) ([]string, error) {
	filters, err := sandbox.ReadFilters(pid)
	if err != nil {
		return nil, err
	}
	var allowed []string
	for n, name := range s.calls {
		ok, err := filters.Allow(n, [6]uint64{})
		if err != nil {
			return nil, err
		}
		if ok {
			allowed = append(allowed, name)
		}
	}
	return allowed, nil
}

// exposure returns the level of systemd-analyze security.
func exposure(unit string) (string, error) {
	out, err := output("systemd-analyze", "security", "--no-pager", unit)
	if err != nil {
		return "", err
	}
	found := regexp.MustCompile(`exposure level for \S+: ([0-9.]+)`).FindStringSubmatch(out)
	if found == nil {
		return "", fmt.Errorf("systemd-analyze security %s: no exposure level", unit)
	}
	return found[1], nil
}

// output runs a command and returns its standard output.
func output(name string, args ...string) (string, error) {
	var stderr strings.Builder
	cmd := exec.Command(name, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return string(out), nil
}
