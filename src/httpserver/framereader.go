package httpserver

import (
	"bufio"
	"errors"
	"io"
	"math"
	"time"

	"golang.org/x/net/http2"
)

// Why a session ends, beside what package http2 finds.
var (
	errFlood = errors.New("too many frames that do nothing")
	errShort = errors.New("a frame is too short for what it must have")
	errGone  = errors.New("the connection ended in the middle of a frame")
)

// A frameReader is what a session needs while frames come in. Idle ones have
// none.
type frameReader struct {
	s      *session
	head   []byte // the bytes that ended the wait
	in     *bufio.Reader
	framer *http2.Framer
	limit  time.Duration // for what a frame still lacks
	timed  bool          // it is running
	left   int           // how many bytes the frame may still have
}

func newFrameReader(s Settings) *frameReader {
	w := &frameReader{}
	w.in = bufio.NewReaderSize(source{w}, 4<<10)
	w.framer = http2.NewFramer(nil, w)
	w.framer.SetMaxReadFrameSize(initialFrame)
	w.framer.SetReuseFrames()
	w.framer.MaxHeaderListSize = headerList(s)
	return w
}

// headerList is Settings.MaxHeader as section 6.5.2 counts.
func headerList(s Settings) uint32 { return uint32(s.MaxHeader + fieldsExpected*fieldOverhead) }

func (w *frameReader) reset(s *session, head []byte) {
	w.s, w.head = s, head
	w.in.Reset(source{w})
	w.framer.ReadMetaHeaders = nil
	if s != nil {
		w.framer.ReadMetaHeaders = s.decoder
	}
}

func (w *frameReader) more() bool { return len(w.head)+w.in.Buffered() > 0 }

// next reads one frame, or a header section, which may be several. Its end has
// to come in time, and a header section that is spread over many frames, or
// empty ones, ends the session: package http2 bounds what is in them alone.
func (w *frameReader) next(t *terms) (http2.Frame, error) {
	w.limit, w.timed, w.left = t.Header, false, math.MaxInt
	h, err := w.framer.ReadFrameHeader()
	if err != nil {
		return nil, err
	}
	if !w.s.settled && (h.Type != http2.FrameSettings || h.Flags.Has(http2.FlagSettingsAck)) {
		return nil, http2.ConnectionError(http2.ErrCodeProtocol) // section 3.4
	}
	switch h.Type {
	case http2.FrameData:
		w.limit = t.Body
	case http2.FrameHeaders:
		w.left = initialFrame + 2*int(w.framer.MaxHeaderListSize)
	}
	f, err := w.framer.ReadFrameForHeader(h)
	if err == io.ErrUnexpectedEOF {
		return nil, errShort
	}
	return f, err
}

// preface reads what a client has to begin with, section 3.4.
func (w *frameReader) preface(t *terms) error {
	w.limit, w.timed, w.left = t.Header, false, math.MaxInt
	var b [len(http2.ClientPreface)]byte
	if _, err := io.ReadFull(w, b[:]); err != nil {
		return err
	}
	if string(b[:]) != http2.ClientPreface {
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	return nil
}

// Read gives the framer its bytes.
func (w *frameReader) Read(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, errFlood
	}
	n, err := io.ReadFull(w.in, p)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = errGone
	}
	return n, err
}

// A source is the connection as a frameReader buffers it. Before it waits for
// the client, the client gets all that is ready for it.
type source struct{ *frameReader }

func (w source) Read(p []byte) (int, error) {
	if len(w.head) > 0 {
		n := copy(p, w.head)
		w.head = w.head[n:]
		return n, nil
	}
	w.s.flush()
	if !w.timed {
		w.timed = true
		w.s.c.readWithin(time.Now(), w.limit)
	}
	return w.s.c.Read(p)
}
