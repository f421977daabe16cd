// Command foobar-etcd is the program foobar with its state in etcd, so that
// several machines serve the same state. Package command has the commands.
package main

import (
	"foobar/src/cluster"
	"foobar/src/command"
)

func main() { command.Main(cluster.Backend{}) }
