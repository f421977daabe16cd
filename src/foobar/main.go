// Command foobar serves one durable state over HTTPS, and has the commands by
// which an administrator reads, replaces and checks it. The state is in a
// directory of the machine. Package command has the commands.
package main

import (
	"foobar/src/command"
	"foobar/src/service"
)

func main() { command.Main(service.Disk{}) }
