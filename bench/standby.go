package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// startWithStandby starts PostgreSQL with a standby that has each commit on its disk
// before the commit is answered. With a delay, there is a relay between the two.
func (w *workdir) startWithStandby(delay time.Duration) (*server, error) {
	primary, err := w.startServer(postgresql)
	if err != nil {
		return nil, err
	}
	stop := primary.stop
	source := primary.address
	if delay > 0 {
		r, err := startRelay(source, delay)
		if err != nil {
			stop()
			return nil, err
		}
		source = r.address()
		end := stop
		stop = func() { end(); r.close() }
	}
	standby, dir, err := w.startStandby(source)
	if err != nil {
		stop()
		return nil, err
	}
	pids := primary.pids
	primary.pids = func() []int { return append(pids(), standby.pids()...) }
	primary.stop = func() {
		standby.stop()
		os.RemoveAll(dir)
		stop()
	}
	if err := primary.requireStandby(); err != nil {
		primary.stop()
		return nil, err
	}
	return primary, nil
}

// startStandby copies the database of the server at source, and follows it.
func (w *workdir) startStandby(source string) (p *process, dir string, err error) {
	defer func() {
		if err != nil {
			os.RemoveAll(dir)
		}
	}()
	if dir, err = os.MkdirTemp(w.path, "standby-"); err != nil {
		return nil, "", err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, dir, err
	}
	if err := w.copyKeyPair(dir); err != nil {
		return nil, dir, err
	}
	config, err := writeConfig(w, &server{address: address}, dir, "postgresql.conf")
	if err != nil {
		return nil, dir, err
	}
	host, port := splitAddress(source)
	data := filepath.Join(dir, "data")
	backup := w.asNobody(newest, postgresBin+"pg_basebackup", "-D", data, "-h", host, "-p", port, "-U", postgresql, "--write-recovery-conf", "--checkpoint=fast")
	if err := runQuiet(exec.Command(backup[0], backup[1:]...)); err != nil {
		return nil, dir, err
	}
	p, err = w.start("standby", w.asNobody(newest, postgresBin+"postgres", "-D", data, "-c", "config_file="+config, "-c", "hba_file="+data+"/pg_hba.conf"))
	return p, dir, err
}

// requireStandby makes commits wait for the standby, once it follows.
func (s *server) requireStandby() error {
	psql := func(query string) ([]byte, error) {
		args := s.workdir.inRoot(newest, append([]string{postgresBin + "psql", "-qAt", "-c", query}, postgresTarget(s)...)...)
		return exec.Command(args[0], args[1:]...).CombinedOutput()
	}
	for _, query := range []string{"ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"} {
		if out, err := psql(query); err != nil {
			return fmt.Errorf("%s: %w\n%s", query, err, out)
		}
	}
	s.ready = func() error {
		out, err := psql("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'")
		if err == nil && string(out) != "1\n" {
			err = fmt.Errorf("synchronous standbys: %s", out)
		}
		return err
	}
	return s.waitReady()
}
