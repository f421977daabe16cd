package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"foobar/src/adminclient"
	"foobar/src/logging"
)

func preparePut(flags *flag.FlagSet) action {
	socket := flags.String("socket", adminclient.DefaultSocket, "")
	ifMatch := flags.String("if-match", "", "")
	return func(env environment) error { return put(adminclient.Socket(*socket), *ifMatch, env) }
}

func put(socket adminclient.Socket, ifMatch string, env environment) error {
	if logging.IsTerminal(env.stdin) {
		fmt.Fprintln(env.stderr, "foobar: the state is what you type, until Ctrl-D; Ctrl-C leaves it as it is")
		return socket.Put(env.stdin, -1, ifMatch)
	}
	size, err := rest(env.stdin)
	if err != nil {
		return fmt.Errorf("standard input: %w", err)
	}
	if !logging.IsTerminal(env.stderr) {
		return socket.Put(env.stdin, size, ifMatch)
	}
	body := newProgress(env.stdin, size, env.stderr)
	defer body.stop()
	return socket.Put(body, size, ifMatch)
}

// rest is how many bytes are left to read, -1 where that is not known. The
// service refuses at once what is known to be too large.
func rest(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return -1, nil
	}
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	return max(0, info.Size()-at), nil
}
