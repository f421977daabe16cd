package command

import (
	"bytes"
	"crypto/x509"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"foobar/src/credentials"
	"foobar/src/service"
)

func newCheckCredentialsCommand(flags *flag.FlagSet) action {
	var files credentials.Files
	var configFile string
	credentialFlags(flags, &files)
	stringFlag(flags, "config", &configFile)
	return func(env environment) error { return checkCredentials(files, configFile, env) }
}

// checkCredentials loads the files as the service does, and describes them.
func checkCredentials(files credentials.Files, configFile string, env environment) error {
	_, set, err := service.Load(configFile, files)
	if err != nil {
		return err
	}
	more, err := env.backend.CheckCredentials(filepath.Dir(files.Cert))
	if err != nil {
		return err
	}
	if err := checkHost(set.Leaf()); err != nil {
		warn(env, "%v", err)
	}
	for _, warning := range set.Warnings(time.Now()) {
		warn(env, "%s", warning)
	}
	_, err = fmt.Fprintf(env.stdout, "%s: %s\n%s\nfingerprint of all: %s\n", set.Leaf().Subject,
		credentials.Validity(set.Leaf(), time.Now()), strings.Join(slices.Concat(set.Describe(), more), "\n"), set.Fingerprint)
	return err
}

// checkHost returns an error where a self-signed certificate is not for this
// host, as after a change of the host's name: init-credentials makes one for the
// name of that moment. Others may be for the name of a load balancer.
func checkHost(leaf *x509.Certificate) error {
	host, err := os.Hostname()
	if err != nil || !bytes.Equal(leaf.RawIssuer, leaf.RawSubject) || leaf.VerifyHostname(host) == nil {
		return nil
	}
	return fmt.Errorf("the certificate is self-signed for %s, and this host is %s: clients that use another name refuse it; "+
		"init-credentials makes a new one where the files of certificate and key are gone", strings.Join(leaf.DNSNames, ", "), host)
}
