package command

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"strconv"
	"time"

	"foobar/src/credentials"
)

// buildTime is when the program was built, in seconds since 1970, or "". It is
// set by the PKGBUILD.
var buildTime string

func newInitCredentialsCommand(flags *flag.FlagSet) action {
	var dir string
	stringFlag(flags, "dir", &dir)
	var hosts []string
	flags.Func("host", "", func(list string) (err error) {
		hosts, err = credentials.ParseHosts(list)
		return err
	})
	return func(env environment) (err error) {
		if hosts == nil {
			if hosts, err = localHosts(env); err != nil {
				return err
			}
		}
		return initCredentials(dir, hosts, env)
	}
}

// initCredentials makes the credentials that are missing in dir.
func initCredentials(dir string, hosts []string, env environment) error {
	r := credentials.Request{Hosts: hosts, Now: time.Now()}
	if seconds, err := strconv.ParseInt(buildTime, 10, 64); err == nil {
		r.Built = time.Unix(seconds, 0)
	}
	made, err := credentials.Generate(dir, r)
	for _, path := range made {
		_, printErr := fmt.Fprintln(env.stdout, "made", path)
		err = cmp.Or(err, printErr)
	}
	if len(made) > 0 && r.ClockIsWrong() {
		warn(env, "this machine's clock shows %s, before the program was built: a new certificate is valid from %s on, set the clock",
			r.Now.UTC().Format(time.DateOnly), r.Built.UTC().Format(time.DateOnly))
	}
	return err
}

// localHosts returns the name of this machine. One that no certificate can be
// for, such as one with a space, does not keep the service from its first start.
func localHosts(env environment) ([]string, error) {
	name, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("find the host's name: %w", err)
	}
	hosts, err := credentials.ParseHosts(name)
	if err != nil {
		warn(env, "the name of this machine is left out of a new certificate: %v; use -host", err)
		return nil, nil
	}
	return hosts, nil
}
