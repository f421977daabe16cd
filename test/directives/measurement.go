package directives

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Measured is the file of the measurements, below the root of the tree.
const Measured = "test/directives/measured.jsonl"

// MeasuredUnits holds the subjects of measurements, and the units and drop-ins
// that they are made of, in the directory of units.
func MeasuredUnits() map[string][]string {
	const shared = "foobar-credentials-.service.d/10-sandbox.conf"
	return map[string][]string{
		"foobar.service":                    {"foobar.service", "foobar.service.d/10-credentials.conf"},
		"foobar-credentials.service":        {"foobar-credentials.service", shared},
		"foobar-credentials-check@.service": {"foobar-credentials-check@.service", shared},
		"foobar-credentials-reload.service": {"foobar-credentials-reload.service", shared},
		"foobar-sockets-reopen.service":     {"foobar-sockets-reopen.service", shared},
		articleSubject:                      {"../" + ArticleUnit},
	}
}

// Unmeasured returns a message for each line of [Service] of the units that was not
// measured with its value, and for each measurement of a line that no longer exists.
func Unmeasured(root string) ([]string, error) {
	all, err := ReadMeasurements(root)
	if err != nil {
		return nil, err
	}
	var wrong []string
	for subject, files := range MeasuredUnits() {
		r := of(all, subject)
		var lines []Directive
		for _, file := range files {
			found, err := ParseFile(filepath.Join(root, "systemd", file))
			if err != nil {
				return nil, err
			}
			lines = append(lines, found...)
		}
		for _, d := range lines {
			for _, value := range d.Values {
				if _, ok := r.find("without", d.Name, value); !ok && d.Section == "Service" && d.Name != "ExecStart" {
					wrong = append(wrong, fmt.Sprintf("%s: %s=%s was not measured", subject, d.Name, value))
				}
			}
		}
		for _, m := range r {
			if m.Directive != "" && !slices.ContainsFunc(lines, m.isOf) {
				wrong = append(wrong, fmt.Sprintf("%s: %s=%s was measured and is not there", subject, m.Directive, m.Value))
			}
		}
	}
	return wrong, nil
}

// Unexplained returns a message for each line of [Service] whose removal makes no
// difference that can be measured in any unit that has the line, unless its comment says
// that it is the default, or implied by another directive.
func Unexplained(root string) ([]string, error) {
	all, err := ReadMeasurements(root)
	if err != nil {
		return nil, err
	}
	lines, matters := map[string]Directive{}, map[string]bool{} // by file and line
	for subject, files := range MeasuredUnits() {
		r := of(all, subject)
		for _, file := range files {
			found, err := ParseFile(filepath.Join(root, "systemd", file))
			if err != nil {
				return nil, err
			}
			for _, d := range found {
				for _, value := range d.Values {
					key := file + ": " + d.Name + "=" + value
					m, ok := r.find("without", d.Name, value)
					lines[key], matters[key] = d, matters[key] || !ok || len(m.Stopped) > 0 || effect(m, true) != noEffect
				}
			}
		}
	}
	var wrong []string
	for key, d := range lines {
		explained := strings.Contains(d.Comment, "the default") || strings.Contains(d.Comment, "impl")
		if !matters[key] && !explained && !strings.Contains(key, "../") {
			wrong = append(wrong, key+" makes no difference, and its comment does not say why")
		}
	}
	slices.Sort(wrong)
	return wrong, nil
}

// isReplaced reports whether the measurement says nothing of the directive, because the
// probe's report is the standard output of a unit that has no directory to write to.
func (m Measurement) isReplaced() bool {
	return m.Directive == "StandardOutput" && m.Subject == "foobar-credentials-check@.service"
}

// isOf reports whether a measurement is of a line of the directive, or of an
// element of such a line.
func (m Measurement) isOf(d Directive) bool {
	if m.Directive != d.Name || d.Section != "Service" {
		return false
	}
	return isFilter(d.Name) || slices.ContainsFunc(d.Values, func(value string) bool {
		return value == m.Value || slices.Contains(strings.Fields(value), m.Value)
	})
}

// A Measurement is what test/tools/mutate has found out about one unit, or
// about one change of it. Of a change, the lists hold only what differs from
// the unit without the change.
type Measurement struct {
	Subject string `json:"subject"` // the unit that was measured
	// Change is "" for the unit itself, "without" for the unit without
	// Directive, "bare" for a unit with nothing but the program, its sockets and
	// a user, "rooted" for that in a root directory, and "alone" for one of the
	// two with Directive added.
	Change    string `json:"change"`
	Directive string `json:"directive,omitempty"` // such as "ProtectProc"
	Value     string `json:"value,omitempty"`     // one value, or one element of it; lines of one name are joined by "; "
	Base      string `json:"base,omitempty"`      // of "alone": "bare" or "rooted"
	Failure   string `json:"failure,omitempty"`   // why the unit does not start
	Exposure  string `json:"exposure,omitempty"`
	// Opened and Stopped hold the names of attempts of test/tools/probe.
	Opened  []string `json:"opened,omitempty"`
	Stopped []string `json:"stopped,omitempty"`
	// OpenedCalls and StoppedCalls name system calls by what the filter allows.
	OpenedCalls  []string `json:"opened_calls,omitempty"`
	StoppedCalls []string `json:"stopped_calls,omitempty"`
	// OpenedPaths and StoppedPaths count paths by their first directory.
	OpenedPaths  map[string]int `json:"opened_paths,omitempty"`
	StoppedPaths map[string]int `json:"stopped_paths,omitempty"`
	// Partial means that the walk over the paths was cut off.
	Partial bool `json:"partial,omitempty"`
	// Gained and Lost hold properties of the process.
	Gained []string `json:"gained,omitempty"`
	Lost   []string `json:"lost,omitempty"`
}

// ReadMeasurements reads the committed measurements of the tree below root.
func ReadMeasurements(root string) ([]Measurement, error) {
	file, err := os.Open(filepath.Join(root, Measured))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var all []Measurement
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var m Measurement
		if err := json.Unmarshal(scanner.Bytes(), &m); err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", Measured, len(all)+1, err)
		}
		all = append(all, m)
	}
	return all, scanner.Err()
}
