package http1

import (
	"bufio"
	"bytes"
	"cmp"
	"io"
	"strconv"
	"time"

	"foobar/src/engine"

	"golang.org/x/net/http/httpguts"
)

// maxChunkOverhead is how many bytes of chunk lines, beyond 16 and twice the data
// of each chunk, a body may have.
const maxChunkOverhead = 16 << 10

// A body reads the body of one request from the connection, and no byte beyond
// it.
type body struct {
	conn     engine.Conn
	in       *bufio.Reader
	chunked  bool
	inChunk  bool  // the end of a chunk is to be read
	unread   int64 // bytes of the body, or of the current chunk
	overhead int64 // bytes
	limit    time.Duration
	expect   bool // the client waits for 100 Continue
	started  bool
	finished bool
	n        int64
	err      error
}

func (b *body) reset(c engine.Conn, in *bufio.Reader, r *parsedRequest, limit time.Duration) {
	length := r.req.ContentLength
	*b = body{conn: c, in: in, chunked: length == chunked, unread: max(length, 0), expect: r.expect, limit: limit, finished: length == 0}
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
	if b.chunked && b.unread == 0 {
		if err := b.nextChunk(); err != nil || b.finished {
			return 0, err
		}
	}
	n, err := b.in.Read(p[:min(int64(len(p)), b.unread)])
	b.unread -= int64(n)
	b.finished = b.unread == 0 && !b.chunked
	return n, unexpectedEOF(err)
}

// nextChunk reads up to the data of the next chunk (RFC 9112, section 7.1), or up
// to the end of the body. Extensions are ignored. net/http's reader refuses white
// space before them.
func (b *body) nextChunk() error {
	if b.inChunk {
		if end, err := b.readLine(); err != nil || len(end) > 0 {
			return cmp.Or(err, errChunks)
		}
	}
	line, err := b.readLine()
	if err != nil {
		return err
	}
	digits, _, _ := bytes.Cut(line, []byte(";"))
	size, err := strconv.ParseUint(string(bytes.TrimRight(digits, " \t")), 16, 63)
	b.overhead = max(0, b.overhead+int64(len(line))-16-2*min(int64(size), maxChunkOverhead))
	if err != nil || b.overhead > maxChunkOverhead {
		return errChunks
	}
	b.inChunk, b.unread = true, int64(size)
	if size == 0 {
		return b.discardTrailers()
	}
	return nil
}

// discardTrailers reads the trailer section, whose fields have no meaning here
// (RFC 9112, section 7.1.2). It is no longer than a header section may be.
func (b *body) discardTrailers() error {
	for length := 0; length <= b.in.Size(); {
		line, err := b.readLine()
		if err != nil {
			return err
		}
		if len(line) == 0 {
			b.finished = true
			return nil
		}
		name, value, found := bytes.Cut(line, []byte(":"))
		if !found || !httpguts.ValidHeaderFieldName(string(name)) || !httpguts.ValidHeaderFieldValue(string(value)) {
			return errChunks
		}
		length += len(line)
	}
	return errChunks
}

// readLine returns a line without its CRLF.
func (b *body) readLine() ([]byte, error) {
	line, err := b.in.ReadSlice('\n')
	if err != nil && err != bufio.ErrBufferFull {
		return nil, unexpectedEOF(err)
	}
	text, found := bytes.CutSuffix(line, []byte("\r\n"))
	if !found || bytes.IndexByte(text, '\r') >= 0 {
		return nil, errChunks
	}
	return text, nil
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
	if b.finished || b.err != nil || b.expect || b.chunked || b.unread > int64(b.in.Buffered()) {
		return b.finished
	}
	_, _ = b.in.Discard(int(b.unread)) // of buffered bytes, which cannot fail
	b.finished = true
	return true
}
