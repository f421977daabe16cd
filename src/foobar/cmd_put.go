package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"foobar/src/adminclient"
	"foobar/src/logging"
)

func newPutCommand(flags *flag.FlagSet) action {
	socket := flags.String("socket", adminclient.DefaultSocket, "")
	ifMatch := flags.String("if-match", "", "")
	return func(env environment) error { return put(adminclient.Socket(*socket), *ifMatch, env) }
}

func put(socket adminclient.Socket, ifMatch string, env environment) error {
	if logging.IsTerminal(env.stdin) {
		fmt.Fprintln(env.stderr, "foobar: type the state and end it with Ctrl-D; Ctrl-C leaves the stored state as it is")
		return socket.Put(env.stdin, -1, ifMatch)
	}
	size, err := remainingSize(env.stdin)
	if err != nil {
		return fmt.Errorf("standard input: %w", err)
	}
	return socket.Put(env.stdin, size, ifMatch)
}

// remainingSize returns how many bytes of f are left to read, -1 where that is
// not known. The service refuses at once what is known to be too large.
func remainingSize(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return -1, nil
	}
	offset, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	return max(0, info.Size()-offset), nil
}
