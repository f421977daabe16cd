package command

import (
	"errors"
	"flag"
	"fmt"
	"regexp"

	"foobar/src/adminclient"
	"foobar/src/logging"
)

// entityTag is a strong entity tag, RFC 9110, section 8.8.3, or "*". A weak tag
// never matches the If-Match of a request.
var entityTag = regexp.MustCompile(`^(\*|"[\x21\x23-\x7e]*")$`)

func newPutCommand(flags *flag.FlagSet) action {
	socket := adminclient.DefaultSocket
	ifMatch := ""
	stringFlag(flags, "socket", &socket)
	allowEmpty := flags.Bool("allow-empty", false, "")
	flags.Func("if-match", "", func(tag string) error {
		// What is no entity tag may be the output of a command that has failed:
		// without a condition, put would replace any state.
		if !entityTag.MatchString(tag) {
			return errors.New(`allowed is an entity tag in its quotation marks, as foobar get -etag prints it, or *`)
		}
		ifMatch = tag
		return nil
	})
	return func(env environment) error {
		if logging.IsTerminal(env.stdin) {
			fmt.Fprintln(env.stderr, "foobar: type the state and end it with Ctrl-D; Ctrl-C leaves the stored state as it is")
		}
		return adminclient.Socket(socket).Put(env.stdin, ifMatch, *allowEmpty)
	}
}
