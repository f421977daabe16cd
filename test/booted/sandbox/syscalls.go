package sandbox

import "fmt"

// Known returns the numbers that the kernel has a system call for: those that
// a process without any filter does not get ENOSYS for.
func (r *Report) Known() map[int]Syscall {
	known := map[int]Syscall{}
	for _, s := range r.Syscalls {
		if s.Result != "ENOSYS" {
			known[s.Number] = s
		}
	}
	return known
}

// Unfiltered are numbers that the kernel lets through whatever a filter says,
// on x86-64: uretprobe and uprobe, which do nothing but for a process into
// which the administrator has put a probe.
func Unfiltered() map[int]bool { return map[int]bool{335: true, 336: true} }

// LetThrough returns the system calls that reach the kernel, of those that it
// knows. Free is the report of a process without a filter and without
// privileges, and filters are the filters of the process that r is about.
//
// A call that a filter denies fails with EPERM, ENOSYS or, socket(2), with
// EAFNOSUPPORT. So do some that the kernel denies to anyone without
// privileges; for these the filters say which. For all others, what was seen has to be what the filters say.
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
