package main

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"foobar/bench/load"
)

// TestRelay sends data to a server that sends it back: it arrives whole, and each way
// takes the delay.
func TestRelay(t *testing.T) {
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		c, err := echo.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		io.Copy(c, c)
	}()
	const delay = 20 * time.Millisecond
	r, err := startRelay(echo.Addr().String(), delay)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	c, err := net.Dial("tcp", r.address())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	sent := load.Body(300 * kib)
	start := time.Now()
	go c.Write(sent)
	got := make([]byte, len(sent))
	if _, err := io.ReadFull(c, got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, sent) {
		t.Error("the data is changed on the way")
	}
	if took := time.Since(start); took < 2*delay {
		t.Errorf("there and back takes %s, want %s at least", took, 2*delay)
	}
}
