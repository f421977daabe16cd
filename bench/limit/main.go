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
	l := &loop{file: f}
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go l.serveConn(conn)
	}
}

// A loop has what its connections share.
type loop struct {
	responses sync.Map // of []byte, by request line
	writing   sync.Mutex
	file      *os.File
}

// serveConn answers each request of a connection until it fails.
func (l *loop) serveConn(conn net.Conn) {
	defer conn.Close()
	buffer := make([]byte, 4<<10)
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
		response := created
		if bytes.HasPrefix(line, []byte("GET ")) {
			response = l.response(string(line))
		} else if buffer, err = l.receive(conn, buffer, have, end+len("\r\n\r\n")); err != nil {
			log.Print(err)
			return
		}
		if _, err := conn.Write(response); err != nil {
			return
		}
		have = 0
	}
}

var created = []byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

// receive reads the rest of a body that begins at start, and writes it to the
// file. It returns the buffer, larger if the body needs that.
func (l *loop) receive(conn net.Conn, buffer []byte, have, start int) ([]byte, error) {
	end := start + bodyLength(buffer[:start])
	if end > len(buffer) {
		buffer = append(make([]byte, 0, end), buffer[:have]...)[:end]
	}
	if _, err := io.ReadFull(conn, buffer[have:end]); err != nil {
		return buffer, err
	}
	l.writing.Lock()
	defer l.writing.Unlock()
	if _, err := l.file.WriteAt(buffer[start:end], 0); err != nil {
		return buffer, err
	}
	return buffer, unix.Fdatasync(int(l.file.Fd()))
}

// response returns the response to a request line, which it makes once.
func (l *loop) response(line string) []byte {
	if known, ok := l.responses.Load(line); ok {
		return known.([]byte)
	}
	size := sizeIn(line)
	made := append(fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n", size), load.Body(size)...)
	l.responses.Store(line, made)
	return made
}

// sizeIn returns the size in the path of a request line, "GET /1024 HTTP/1.1".
func sizeIn(line string) (size int) {
	fmt.Sscanf(line, "GET /%d ", &size)
	return size
}

func bodyLength(header []byte) (n int) {
	_, rest, _ := bytes.Cut(header, []byte("Content-Length: "))
	fmt.Sscanf(string(rest), "%d", &n)
	return n
}
