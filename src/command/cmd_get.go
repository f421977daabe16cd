package command

import (
	"flag"
	"fmt"

	"foobar/src/adminclient"
)

func newGetCommand(flags *flag.FlagSet) action {
	socket := adminclient.DefaultSocket
	stringFlag(flags, "socket", &socket)
	etag := flags.Bool("etag", false, "")
	return func(env environment) error {
		if !*etag {
			return adminclient.Socket(socket).Get(env.stdout)
		}
		tag, err := adminclient.Socket(socket).ETag()
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(env.stdout, tag)
		return err
	}
}
