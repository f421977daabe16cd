package main

import (
	"flag"
	"fmt"

	"foobar/src/adminclient"
)

func newGetCommand(flags *flag.FlagSet) action {
	socket := flags.String("socket", adminclient.DefaultSocket, "")
	etag := flags.Bool("etag", false, "")
	return func(env environment) error {
		if *etag {
			return printETag(adminclient.Socket(*socket), env)
		}
		return adminclient.Socket(*socket).Get(env.stdout)
	}
}

func printETag(socket adminclient.Socket, env environment) error {
	tag, err := socket.ETag()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(env.stdout, tag)
	return err
}
