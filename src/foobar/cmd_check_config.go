package main

import (
	"flag"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"foobar/src/config"
	"foobar/src/service"
)

// defaultConfigFile is where the package installs conf.yaml.
const defaultConfigFile = "/etc/foobar/conf.yaml"

func newCheckConfigCommand(flags *flag.FlagSet) action {
	path := flags.String("config", defaultConfigFile, "")
	return func(env environment) error {
		c, err := config.Load(*path)
		if err != nil {
			return &service.ConfigError{Err: err}
		}
		_, err = io.WriteString(env.stdout, describeConfig(*path, c))
		return err
	}
}

// describeConfig returns a table of the settings that a valid file changes.
func describeConfig(path string, c config.Config) string {
	changed := config.NonDefault(c)
	if len(changed) == 0 {
		return path + " is right, and every setting is the default\n"
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s is right, and changes\n", path)
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, s := range changed {
		fmt.Fprintf(table, "  %s\t%s\tdefault %s\n", s.Path, s.Value, s.Default)
	}
	table.Flush()
	return text.String()
}
