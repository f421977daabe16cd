package http1

import (
	"bufio"
	"io"
	"net/http/httputil"
	"time"
)

// A body reads the body of one request from the connection, and no byte beyond
// it.
type body struct {
	conn     Conn
	in       *bufio.Reader
	chunks   io.Reader // nil where the length is known
	unread   int64     // bytes, where the length is known
	limit    time.Duration
	expect   bool // the client waits for 100 Continue
	started  bool
	finished bool
	n        int64
	err      error
}

func (b *body) reset(c Conn, in *bufio.Reader, r *parsedRequest, limit time.Duration) {
	*b = body{conn: c, in: in, unread: r.req.ContentLength, expect: r.expect, limit: limit}
	b.finished = b.unread == 0
	if b.unread == chunked {
		b.chunks = httputil.NewChunkedReader(in)
	}
}

func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if b.finished {
		return 0, io.EOF
	}
	if !b.started {
		b.start()
	}
	n, err := b.read(p)
	b.n += int64(n)
	if !b.finished {
		b.err = err
	}
	return n, b.err
}

// start sets the deadline for the body, and sends 100 Continue if the client
// waits for that (RFC 9110, section 10.1.1).
func (b *body) start() {
	b.started = true
	now := time.Now()
	b.conn.SetReadTimeout(now, b.limit)
	if b.expect && b.in.Buffered() == 0 {
		b.conn.SetWriteTimeout(now, b.limit)
		_, b.err = io.WriteString(b.conn, "HTTP/1.1 100 Continue\r\n\r\n")
	}
}

func (b *body) read(p []byte) (int, error) {
	if b.chunks != nil {
		return b.readChunks(p)
	}
	n, err := b.in.Read(p[:min(int64(len(p)), b.unread)])
	b.unread -= int64(n)
	b.finished = b.unread == 0
	return n, unexpectedEOF(err)
}

// readChunks accepts no trailer fields after the last chunk (RFC 9112, section
// 7.1.2): they have no meaning here, and recipients read them in different ways.
func (b *body) readChunks(p []byte) (int, error) {
	n, err := b.chunks.Read(p)
	if err != io.EOF {
		return n, err
	}
	var crlf [2]byte
	if _, err := io.ReadFull(b.in, crlf[:]); err != nil {
		return n, unexpectedEOF(err)
	}
	if crlf != [2]byte{'\r', '\n'} {
		return n, errMalformed
	}
	b.finished = true
	return n, nil
}

// unexpectedEOF makes the end of the connection differ from the end of a body.
func unexpectedEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// discardUnread drops what the handler has not read, if all of it has arrived.
// If not, the connection cannot be read further.
func (b *body) discardUnread() bool {
	if b.finished {
		return true
	}
	if b.err != nil || b.expect || b.chunks != nil || b.unread > int64(b.in.Buffered()) {
		return false
	}
	_, err := b.in.Discard(int(b.unread))
	b.finished = err == nil
	return b.finished
}
