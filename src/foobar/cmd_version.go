package main

import (
	"flag"
	"fmt"
)

func newVersionCommand(*flag.FlagSet) action {
	return func(env environment) error {
		_, err := fmt.Fprintln(env.stdout, "foobar", version)
		return err
	}
}
