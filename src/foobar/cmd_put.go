package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"

	"foobar/src/adminclient"
	"foobar/src/logging"
)

// putFlags are the command line of put.
type putFlags struct {
	socket     string
	ifMatch    string // empty where the flag is not given
	allowEmpty bool
}

func newPutCommand(flags *flag.FlagSet) action {
	f := putFlags{socket: adminclient.DefaultSocket}
	stringFlag(flags, "socket", &f.socket)
	flags.BoolVar(&f.allowEmpty, "allow-empty", false, "")
	flags.Func("if-match", "", f.setIfMatch)
	return func(env environment) error { return put(f, env) }
}

// entityTag is a strong entity tag, RFC 9110, section 8.8.3, or "*". A weak tag
// never matches the If-Match of a request.
var entityTag = regexp.MustCompile(`^(\*|"[\x21\x23-\x7e]*")$`)

// setIfMatch refuses what is no entity tag, such as the output of a command that
// has failed: without a condition, put would replace any state.
func (f *putFlags) setIfMatch(tag string) error {
	if !entityTag.MatchString(tag) {
		return errors.New(`allowed is an entity tag in its quotation marks, as foobar get -etag prints it, or *`)
	}
	f.ifMatch = tag
	return nil
}

func put(f putFlags, env environment) error {
	size := int64(-1)
	if logging.IsTerminal(env.stdin) {
		fmt.Fprintln(env.stderr, "foobar: type the state and end it with Ctrl-D; Ctrl-C leaves the stored state as it is")
	} else {
		var err error
		if size, err = remainingSize(env.stdin); err != nil {
			return fmt.Errorf("standard input: %w", err)
		}
	}
	body := bufio.NewReader(env.stdin)
	if _, err := body.Peek(1); errors.Is(err, io.EOF) {
		if !f.allowEmpty {
			return errors.New("standard input is empty, so nothing was stored: an empty state needs -allow-empty")
		}
		return adminclient.Socket(f.socket).Put(http.NoBody, 0, f.ifMatch)
	}
	return adminclient.Socket(f.socket).Put(body, size, f.ifMatch)
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
