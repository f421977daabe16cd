// Command foobar serves the handler of package app over HTTPS, and has the commands by
// which an administrator checks it. Package command has the commands.
package main

import (
	"foobar/src/app"
	"foobar/src/command"
)

func main() { command.Main(app.New) }
