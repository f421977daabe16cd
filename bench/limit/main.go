// Command limit is what foobar is measured against as the limit of its tools: a
// loop over crypto/tls that parses nothing, and writes with one fdatasync each.
// It is no HTTP server: it takes its own benchmark's requests for what they are.
package main

import (
	"bytes"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"sync"

	"foobar/bench/load"

	"golang.org/x/sys/unix"
)

// slotSize is the size of the file that is written, in bytes: larger than every
// body.
const slotSize = 4 << 20

func main() {
	cert := flag.String("cert", "", "certificate, PEM")
	key := flag.String("key", "", "key, PEM")
	address := flag.String("listen", "", "address to listen on")
	file := flag.String("file", "", "file that writes go to")
	flag.Parse()
	if err := serve(*address, *cert, *key, *file); err != nil {
		log.Fatal(err)
	}
}

func serve(address, cert, key, file string) error {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(make([]byte, slotSize)); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	listener, err := tls.Listen("tcp", address, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13})
	if err != nil {
		return err
	}
	var writing sync.Mutex
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go serveConn(conn, func(body []byte) error {
			writing.Lock()
			defer writing.Unlock()
			if _, err := f.WriteAt(body, 0); err != nil {
				return err
			}
			return unix.Fdatasync(int(f.Fd()))
		})
	}
}

// serveConn answers each request of a connection until it fails.
func serveConn(conn net.Conn, write func(body []byte) error) {
	defer conn.Close()
	buffer := make([]byte, slotSize)
	answers := map[string][]byte{}
	have := 0
	for {
		n, err := conn.Read(buffer[have:])
		if err != nil {
			return
		}
		have += n
		end := bytes.Index(buffer[:have], []byte("\r\n\r\n"))
		if end < 0 {
			continue
		}
		line, _, _ := bytes.Cut(buffer[:end], []byte("\r\n"))
		if bytes.HasPrefix(line, []byte("GET ")) {
			if answers[string(line)] == nil {
				answers[string(line)] = response(sizeIn(line))
			}
			if _, err := conn.Write(answers[string(line)]); err != nil {
				return
			}
			have = 0
			continue
		}
		body := bodyLength(buffer[:end])
		if _, err := io.ReadFull(conn, buffer[have:end+4+body]); err != nil {
			return
		}
		if err := write(buffer[end+4 : end+4+body]); err != nil {
			log.Print(err)
			return
		}
		if _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"); err != nil {
			return
		}
		have = 0
	}
}

// sizeIn returns the size in the path of a request line, "GET /1024 HTTP/1.1".
func sizeIn(line []byte) (size int) {
	fmt.Sscanf(string(line), "GET /%d ", &size)
	return size
}

func bodyLength(header []byte) (n int) {
	_, rest, _ := bytes.Cut(header, []byte("Content-Length: "))
	fmt.Sscanf(string(rest), "%d", &n)
	return n
}

func response(size int) []byte {
	return append(fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n", size), load.Body(size)...)
}
