package httpserver

import (
	"encoding/binary"
	"sync"
	"time"

	"golang.org/x/net/http2"
)

// An outbox is what a session has to write. All of it is under the session's
// mu but for the writing itself, which one goroutine does at a time.
type outbox struct {
	buffers *sync.Pool // of *buffer
	frames  []byte     // ready to go
	// bodies have windows to go out through, in turns, as far as they are open.
	bodies  []*stream
	ending  []*stream // whose last frame is in frames
	sent    []*stream // whose last frame is being written
	writing bool
	closed  bool // nothing but what is in it will go out
	broken  bool // nothing at all
}

// A buffer is for a record, and some more where many small frames come together.
type buffer [record + 1<<10]byte

// take empties the outbox for somebody to write.
func (o *outbox) take() (frames []byte) {
	frames, o.frames = o.frames, nil
	o.sent = append(o.sent, o.ending...)
	o.ending = o.ending[:0]
	return frames
}

func (o *outbox) recycle(frames []byte) {
	if cap(frames) == len(buffer{}) {
		o.buffers.Put((*buffer)(frames[:cap(frames)]))
	}
}

// frame starts one of RFC 9113, section 4.1, length bytes long.
func (o *outbox) frame(t http2.FrameType, flags http2.Flags, id uint32, length int) {
	if o.frames == nil {
		o.frames = o.buffers.Get().(*buffer)[:0]
	}
	o.frames = append(o.frames, byte(length>>16), byte(length>>8), byte(length), byte(t), byte(flags))
	o.frames = binary.BigEndian.AppendUint32(o.frames, id)
}

func (o *outbox) word(n uint32) { o.frames = binary.BigEndian.AppendUint32(o.frames, n) }

func (o *outbox) settings(values ...http2.Setting) {
	o.frame(http2.FrameSettings, 0, 0, 6*len(values))
	for _, v := range values {
		o.frames = binary.BigEndian.AppendUint16(o.frames, uint16(v.ID))
		o.word(v.Val)
	}
}

func (o *outbox) ackSettings() { o.frame(http2.FrameSettings, http2.FlagSettingsAck, 0, 0) }

func (o *outbox) ping(flags http2.Flags, data [8]byte) {
	o.frame(http2.FramePing, flags, 0, len(data))
	o.frames = append(o.frames, data[:]...)
}

func (o *outbox) reset(id uint32, code http2.ErrCode) {
	o.frame(http2.FrameRSTStream, 0, id, 4)
	o.word(uint32(code))
}

func (o *outbox) open(id uint32, n int64) {
	o.frame(http2.FrameWindowUpdate, 0, id, 4)
	o.word(uint32(n))
}

func (o *outbox) goAway(last uint32, code http2.ErrCode) {
	o.frame(http2.FrameGoAway, 0, 0, 8)
	o.word(last)
	o.word(uint32(code))
}

// headers takes a whole section: ours are shorter than the smallest largest
// frame.
func (o *outbox) headers(id uint32, section []byte, last bool) {
	flags := http2.FlagHeadersEndHeaders
	if last {
		flags |= http2.FlagHeadersEndStream
	}
	o.frame(http2.FrameHeaders, flags, id, len(section))
	o.frames = append(o.frames, section...)
}

const (
	frameHeader = 9
	// firstRecord is what TLS has room for in a record at least, in bytes, once
	// it has sent one: it starts with short ones.
	firstRecord = 2 << 10
	// crumb is less than what is worth a frame of its own, in bytes.
	crumb = 1 << 10
)

// fill adds what the windows let through of the bodies, a frame of each in
// turn, until a record of TLS is full. It says whether there is anything to
// write.
func (s *session) fill() bool {
	o := &s.outbox
	for len(o.bodies) > 0 && s.limits.out > 0 {
		st := o.bodies[0]
		room := record - frameHeader - len(o.frames)
		if room < min(crumb, len(st.rest)) {
			break
		}
		o.bodies = o.bodies[1:]
		s.data(st, room)
		if st.window > 0 && len(st.rest) > 0 {
			o.bodies = append(o.bodies, st)
		} else {
			st.queued = false
		}
	}
	return len(o.frames) > 0 && !o.broken
}

// data adds one frame of st's body, room bytes at most. There is a window.
func (s *session) data(st *stream, room int) {
	n := min(int64(len(st.rest)), int64(room), initialFrame, st.window, s.limits.out)
	st.window -= n
	s.limits.out -= n
	st.out += n
	var flags http2.Flags
	if n == int64(len(st.rest)) {
		flags = http2.FlagDataEndStream
	}
	s.outbox.frame(http2.FrameData, flags, st.id, int(n))
	s.outbox.frames = append(s.outbox.frames, st.rest[:n]...)
	if st.rest = st.rest[n:]; len(st.rest) == 0 {
		s.finish(st)
	}
}

// queue has the rest of a body written as its window allows.
func (s *session) queue(st *stream) {
	if !st.queued && len(st.rest) > 0 && st.window > 0 {
		st.queued = true
		s.outbox.bodies = append(s.outbox.bodies, st)
	}
}

// flush writes what is ready, unless somebody does so already.
func (s *session) flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emit()
}

// emit is flush where mu is held; it may be released meanwhile.
func (s *session) emit() {
	if !s.outbox.writing {
		s.outbox.writing = true
		s.send(false)
	}
}

// send writes until there is nothing to write. mu is held, and released while
// it does. Bodies, which may take the client long to receive, get a goroutine
// for it, so that whoever is not patient can go on.
func (s *session) send(patient bool) {
	for s.fill() {
		if len(s.outbox.bodies) > 0 && !patient {
			s.handlers.Go(s.sendBodies)
			return
		}
		s.settle(s.write(len(s.outbox.bodies) > 0 || len(s.outbox.frames) > firstRecord))
	}
	s.outbox.writing = false
	s.written.Broadcast()
}

func (s *session) sendBodies() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.send(true)
}

// write sends a record, or a bundle of them in one system call.
func (s *session) write(many bool) error {
	limit := s.e.terms.Load().Response
	if s.outbox.closed {
		limit = lingerTime
	}
	s.mu.Unlock()
	defer s.mu.Lock()
	s.c.writeWithin(time.Now(), limit)
	if !many {
		_, err := s.writeRecord()
		return err
	}
	return s.c.below.gather(s.c.bundles, func() error {
		for total := 0; total < bundle; {
			n, err := s.writeRecord()
			if n == 0 || err != nil {
				return err
			}
			total += n
		}
		return nil
	})
}

func (s *session) writeRecord() (int, error) {
	s.mu.Lock()
	var frames []byte
	if s.fill() {
		frames = s.outbox.take()
	}
	s.mu.Unlock()
	if len(frames) == 0 {
		return 0, nil
	}
	n, err := s.c.Write(frames)
	s.outbox.recycle(frames)
	return n, err
}

// settle accounts for what has been written, or could not be.
func (s *session) settle(err error) {
	o := &s.outbox
	if err != nil {
		o.broken = true
		s.c.abort() // TLS would wait to say good-bye
		return
	}
	for _, st := range o.sent {
		if !st.cut {
			s.noise = max(0, s.noise-quietens)
		}
		s.sent(st)
	}
	o.sent = o.sent[:0]
}
