package adminclient

import (
	"context"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// systemdTimeout limits a question to systemd. It is many times what
// systemd-analyze takes.
const systemdTimeout = 10 * time.Second

// Exposure returns the exposure level that systemd-analyze(1) gives a unit, such
// as "0.1 SAFE", or nothing where systemd is not PID 1. A service could not ask
// for its own: its sandbox has no other program.
func Exposure(unit string) string {
	out := runSystemd("systemd-analyze", "security", "--no-pager", unit)
	return firstGroup(`Overall exposure level for \S+: (\d+\.\d [A-Z]+)`, out)
}

// MemoryMax returns the memory limit of a unit in bytes: the least of its own, of
// those of its slices, and of the machine's memory. It returns 0 where systemd is
// not PID 1 or does not know the unit.
func MemoryMax(unit string) int64 {
	out := runSystemd("systemctl", "show", "--property=LoadState,EffectiveMemoryMax", unit)
	limit, err := strconv.ParseInt(firstGroup(`(?m)^EffectiveMemoryMax=(\d+)$`, out), 10, 64)
	if err != nil || firstGroup(`(?m)^LoadState=(loaded)$`, out) == "" {
		return 0
	}
	return limit
}

// runSystemd returns what a command of systemd prints, or nothing where it fails.
func runSystemd(name string, args ...string) []byte {
	ctx, cancel := context.WithTimeout(context.Background(), systemdTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = []string{"LC_ALL=C.UTF-8"}
	out, err := cmd.Output()
	if err != nil {
		return nil
	}
	return out
}

// firstGroup returns what the first group of a pattern matches.
func firstGroup(pattern string, text []byte) string {
	m := regexp.MustCompile(pattern).FindSubmatch(text)
	if m == nil {
		return ""
	}
	return string(m[1])
}
