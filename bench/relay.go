package main

import (
	"io"
	"net"
	"time"
)

// A relay forwards connections to an address, and delays what it forwards in each
// direction, as tc-netem(8) does, which not every kernel has.
type relay struct {
	listener net.Listener
	target   string
	delay    time.Duration
}

// startRelay returns a relay that runs until close.
func startRelay(target string, delay time.Duration) (*relay, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	r := &relay{listener, target, delay}
	go r.accept()
	return r, nil
}

func (r *relay) address() string { return r.listener.Addr().String() }

// close ends the acceptance of connections. Open connections end with their peers.
func (r *relay) close() { r.listener.Close() }

func (r *relay) accept() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return // closed
		}
		go r.forward(client)
	}
}

// forward forwards one connection until both sides have ended it.
func (r *relay) forward(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", r.target)
	if err != nil {
		return // the client sees the end of its connection
	}
	defer server.Close()
	ended := make(chan struct{}, 2)
	for _, pair := range [][2]net.Conn{{client, server}, {server, client}} {
		go func() {
			r.copy(pair[1], pair[0])
			ended <- struct{}{}
		}()
	}
	<-ended
}

// A chunk is data that is forwarded at a time.
type chunk struct {
	data []byte
	due  time.Time
}

// copy forwards one direction. Reading goes on while data is delayed.
func (r *relay) copy(to io.Writer, from io.Reader) {
	const inFlight, size = 1024, 64 * kib
	chunks := make(chan chunk, inFlight)
	go func() {
		defer close(chunks)
		for {
			data := make([]byte, size)
			n, err := from.Read(data)
			if n > 0 {
				chunks <- chunk{data[:n], time.Now().Add(r.delay)}
			}
			if err != nil {
				return
			}
		}
	}()
	for c := range chunks {
		time.Sleep(time.Until(c.due)) // the delay that is measured
		if _, err := to.Write(c.data); err != nil {
			break
		}
	}
	for range chunks { // lets the reader end
	}
}
