package main

import (
	"flag"
	"fmt"

	"foobar/src/admin"
)

func prepareGet(flags *flag.FlagSet) action {
	socket := flags.String("socket", admin.DefaultSocket, "")
	tag := flags.Bool("etag", false, "")
	return func(env environment) error {
		if *tag {
			return printETag(admin.Socket(*socket), env)
		}
		return admin.Socket(*socket).Get(env.stdout)
	}
}

func printETag(socket admin.Socket, env environment) error {
	tag, err := socket.ETag()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(env.stdout, tag)
	return err
}
