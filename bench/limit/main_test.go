package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"foobar/bench/load"
)

func TestLoop(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "slot"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	client, server := net.Pipe()
	defer client.Close()
	go (&loop{file: f}).serveConn(server)
	in := bufio.NewReader(client)
	exchange := func(request []byte) []byte {
		t.Helper()
		if _, err := client.Write(request); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("status %d, error %v", response.StatusCode, err)
		}
		return body
	}
	for _, size := range []int{1 << 10, 64 << 10, 1 << 10} {
		if body := exchange(load.Get("/" + map[int]string{1 << 10: "1024", 64 << 10: "65536"}[size])); !bytes.Equal(body, load.Body(size)) {
			t.Errorf("GET of %d bytes returns %d", size, len(body))
		}
		want := load.Body(size)
		exchange(load.Write("POST", "/", "", want))
		got := make([]byte, size)
		if _, err := f.ReadAt(got, 0); err != nil || !bytes.Equal(got, want) {
			t.Errorf("after a POST of %d bytes the file differs, error %v", size, err)
		}
	}
}
