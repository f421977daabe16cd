package main

import (
	"flag"
	"fmt"

	"foobar/src/adminclient"
)

func newGetCommand(flags *flag.FlagSet) action {
	path := adminclient.DefaultSocket
	stringFlag(flags, "socket", &path)
	etag := flags.Bool("etag", false, "")
	return func(env environment) error {
		socket := adminclient.Socket(path)
		if *etag {
			return printETag(socket, env)
		}
		return socket.Get(env.stdout)
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
