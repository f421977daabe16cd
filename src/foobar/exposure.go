package main

import (
	"context"
	"os/exec"
	"regexp"
	"time"
)

// exposureTime is many times what systemd-analyze takes.
const exposureTime = 10 * time.Second

// exposure is how exposed systemd-analyze(1) finds the service to be, such as
// "0.1 SAFE", and empty where it cannot be asked: it needs systemd as PID 1. The
// service itself could not run it: its sandbox has one binary, and starts no
// other.
func exposure() string {
	ctx, cancel := context.WithTimeout(context.Background(), exposureTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "systemd-analyze", "security", "--no-pager", "foobar.service")
	cmd.Env = []string{"LC_ALL=C.UTF-8"}
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	found := regexp.MustCompile(`Overall exposure level for foobar\.service: (\d+\.\d [A-Z]+)`).FindSubmatch(out)
	if found == nil {
		return ""
	}
	return string(found[1])
}
