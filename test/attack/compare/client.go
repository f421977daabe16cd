package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"syscall"

	"foobar/test/attack"
)

// A clientProcess is a client that behaves, in a process of its own: in that of
// the attacker it would wait for the attacker's goroutines.
type clientProcess struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	output bytes.Buffer
}

func startClient(t attack.Target, protocol string) (*clientProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &clientProcess{cmd: exec.Command(self, "-client", t.Address, "-path", t.Path, "-protocol", protocol)}
	c.cmd.Stdout, c.cmd.Stderr = &c.output, os.Stderr
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	return c, c.cmd.Start()
}

// stop ends the client and returns what it has seen.
func (c *clientProcess) stop() (r attack.ClientResult, err error) {
	c.stdin.Close()
	if err := c.cmd.Wait(); err != nil {
		return r, err
	}
	return r, json.Unmarshal(c.output.Bytes(), &r)
}

// runClient is that process. It ends with its standard input.
func runClient(t attack.Target, protocol string) error {
	c := attack.StartClient(t, protocol)
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(c.Stop())
}
