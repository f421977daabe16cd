package command

import (
	"flag"
	"fmt"
	"io"
	"regexp"
	"strings"
	"text/tabwriter"

	"foobar/src/adminclient"
	"foobar/src/config"
	"foobar/src/service"
)

// defaultConfigFile is where the package installs conf.yaml.
const defaultConfigFile = "/etc/foobar/conf.yaml"

func newCheckConfigCommand(flags *flag.FlagSet) action {
	path := defaultConfigFile
	stringFlag(flags, "config", &path)
	return func(env environment) error {
		c, err := config.Load(path)
		if err != nil {
			return &service.ConfigError{Err: err}
		}
		if limit := adminclient.MemoryMax(configFile.ReplaceAllString(path, "foobar$1.service")); limit > 0 {
			if err := service.CheckMemory(c, limit); err != nil {
				warn(env, "%v", err)
			}
		}
		_, err = io.WriteString(env.stdout, describeConfig(path, c))
		return err
	}
}

// configFile matches every path. $1 is "@" and the name of the instance of
// foobar@.service that reads the conf.yaml, empty for another path.
var configFile = regexp.MustCompile(`^(?:/etc/foobar(@[^/]+)/conf\.yaml|.*)$`)

// describeConfig returns what a valid file opens, and a table of the settings
// that it changes.
func describeConfig(path string, c config.Config) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s is valid\n", path)
	for _, g := range c.Access.Grants() {
		fmt.Fprintf(&text, "%s over HTTPS is open to %s\n", g.Verb, g.Holders())
	}
	if c.Access.RequiresCertificate() {
		text.WriteString("a client without a certificate cannot connect, so it cannot ask for /healthz\n")
	}
	changed := config.NonDefault(c)
	if len(changed) == 0 {
		return text.String() + "every setting is the default\n"
	}
	text.WriteString("settings that are not the default:\n")
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, s := range changed {
		fmt.Fprintf(table, "  %s\t%s\tdefault %s\n", s.Path, s.Value, s.Default)
	}
	table.Flush()
	return text.String()
}
