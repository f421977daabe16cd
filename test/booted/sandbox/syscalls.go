package sandbox

import "fmt"

// Known returns the numbers of the kernel's system calls: those that do not return
// ENOSYS to a process without a filter.
func (r *Report) Known() map[int]Syscall {
	known := map[int]Syscall{}
	for _, s := range r.Syscalls {
		if s.Result != "ENOSYS" {
			known[s.Number] = s
		}
	}
	return known
}

// Unfiltered returns the calls that the kernel does not filter on x86-64:
// uretprobe and uprobe. They do nothing in a process into which the administrator
// has not put a probe.
func Unfiltered() map[int]bool { return map[int]bool{335: true, 336: true} }

// LetThrough returns the known system calls that reach the kernel. Free is the
// report of a process without filter and privileges; filters are those of the
// process that r is about.
//
// A denied call fails with EPERM or ENOSYS, and socket(2) with EAFNOSUPPORT. So
// do calls that the kernel denies to processes without privileges; for these the
// filters decide. For all others the filters must agree with the report.
func (r *Report) LetThrough(free *Report, filters Filters) ([]int, error) {
	var through []int
	known := free.Known()
	deniedBy := map[string]bool{"EPERM": true, "ENOSYS": true, "EAFNOSUPPORT": true, "no child": true}
	for _, s := range r.Syscalls {
		baseline, ok := known[s.Number]
		if !ok {
			continue
		}
		allowed, err := filters.Allow(s.Number, s.Arguments)
		if err != nil {
			return nil, err
		}
		denied := s.Result != baseline.Result && deniedBy[s.Result]
		ambiguous := baseline.Result == "EPERM"
		if !ambiguous && allowed == denied && !Unfiltered()[s.Number] {
			return nil, fmt.Errorf("system call %d: filters allow it: %v, but it returned %q", s.Number, allowed, s.Result)
		}
		if allowed || !ambiguous && !denied {
			through = append(through, s.Number)
		}
	}
	return through, nil
}
