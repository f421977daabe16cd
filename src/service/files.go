package service

import (
	"fmt"

	"foobar/src/config"

	"github.com/prometheus/procfs"
)

// reservedFiles is how many files the service opens besides the connections of
// HTTPS: the state, the sockets, the connections of the other listeners.
const reservedFiles = 64

// maxOpenFiles returns how many files the process may open. It reads
// proc_pid_limits(5), as the unit denies getrlimit(2).
func maxOpenFiles() (uint64, error) {
	self, err := procfs.Self()
	if err != nil {
		return 0, fmt.Errorf("read the limit of open files: %w", err)
	}
	limits, err := self.Limits()
	if err != nil {
		return 0, fmt.Errorf("read the limit of open files: %w", err)
	}
	return limits.OpenFiles, nil
}

// checkOpenFiles returns an error where the process may not open a file for each
// connection of a configuration.
func checkOpenFiles(c config.Config, limit uint64) error {
	if uint64(c.Limits.Connections)+reservedFiles <= limit {
		return nil
	}
	return fmt.Errorf("limits.connections is %d, and the process may open %d files: "+
		"raise LimitNOFILE= of the unit (ulimit -n), or lower limits.connections", c.Limits.Connections, limit)
}
