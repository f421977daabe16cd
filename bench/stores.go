package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Stores that make each write durable, as foobar does. They do not speak HTTP,
// so each has a client of its own in the table of writes.

func prepareRedis(w *workdir, s *server, dir string) ([]string, error) {
	config, err := writeConfig(w, s, dir, "redis.conf")
	return w.inRoot(newest, "/usr/bin/redis-server", config), err
}

func prepareEtcd(w *workdir, s *server, dir string) ([]string, error) {
	config, err := writeConfig(w, s, dir, "etcd.yaml")
	return w.inRoot(newest, "/usr/bin/etcd", "--config-file", config), err
}

const (
	postgresBin   = "/usr/lib/postgresql/18/bin/"
	postgresTable = "CREATE TABLE IF NOT EXISTS state (id int PRIMARY KEY, body text); " +
		"INSERT INTO state VALUES (1, '') ON CONFLICT DO NOTHING"
)

// preparePostgreSQL makes a database. The server refuses to run as root, and to
// read a key that is not its own.
func preparePostgreSQL(w *workdir, s *server, dir string) ([]string, error) {
	if err := w.copyKeyPair(dir); err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	initdb := w.asNobody(newest, postgresBin+"initdb", "-D", data, "-U", postgresql, "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
	if err := runQuiet(exec.Command(initdb[0], initdb[1:]...)); err != nil {
		return nil, err
	}
	config, err := writeConfig(w, s, dir, "postgresql.conf")
	s.ready = func() error {
		args := w.inRoot(newest, append([]string{postgresBin + "psql", "-q", "-c", postgresTable}, postgresTarget(s)...)...)
		return runQuiet(exec.Command(args[0], args[1:]...))
	}
	return w.asNobody(newest, postgresBin+"postgres", "-D", data, "-c", "config_file="+config, "-c", "hba_file="+data+"/pg_hba.conf"), err
}

// copyKeyPair copies the certificate and its key to dir, and makes both and the
// directory those of the user who runs PostgreSQL.
func (w *workdir) copyKeyPair(dir string) error {
	const nobody = 65534
	for _, name := range []string{"cert", "key"} {
		text, err := os.ReadFile(w.credential(name))
		if err != nil {
			return err
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return err
		}
		if err := os.Chown(path, nobody, nobody); err != nil {
			return err
		}
	}
	return os.Chown(dir, nobody, nobody)
}

// postgresTarget returns the arguments that name the database to its clients.
func postgresTarget(s *server) []string {
	host, port := splitAddress(s.address)
	return []string{fmt.Sprintf("host=%s port=%s user=%s dbname=postgres sslmode=require", host, port, postgresql)}
}
