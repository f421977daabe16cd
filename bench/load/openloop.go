package load

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"
)

// An OpenResult is what one run at a fixed rate measured.
type OpenResult struct {
	// Result's latencies count from the time that a request was due, so a request
	// that waits for an earlier one on its connection counts its wait: no
	// coordinated omission.
	Result
	// Lateness has how late requests were sent whose connection was free, in
	// nanoseconds: the part of the latencies that is the client's own.
	Lateness *hdrhistogram.Histogram
	// Unanswered counts the requests that were due and had no response when the
	// run ended. Each is in the latencies with the time that it waited.
	Unanswered int
}

// RunAt sends rate requests per second, spread evenly over time and in turn over
// the connections, until d has passed; with rate 0 it runs a closed loop. One
// thread does all the work, and waits busily if the next request is due soon:
// timers and goroutines would add to the latencies more than a server does. The
// pool can be used with RunAt alone afterwards. request is as for Run, and must
// fit into a socket's buffer.
func (p *Pool) RunAt(rate float64, d time.Duration, request func(conn int) []byte) (OpenResult, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	l, err := newOpenLoop(p, rate, d, request)
	if err != nil {
		return OpenResult{}, err
	}
	defer unix.Close(l.epoll)
	if err := l.run(); err != nil {
		return OpenResult{}, fmt.Errorf("at %.0f requests/s: %w", rate, err)
	}
	return l.result, nil
}

// drainTime is how long a run waits for the last responses.
const drainTime = time.Second

type openLoop struct {
	epoll    int
	conns    []openConn
	request  func(conn int) []byte
	start    time.Time
	duration time.Duration
	interval time.Duration // between two requests; 0 is a closed loop
	next     int           // number of the next request
	inFlight int           // requests that were sent or wait for their connection
	result   OpenResult
	buffer   []byte
}

// An openConn is one connection of the loop.
type openConn struct {
	*Conn
	reader  responseReader
	busy    bool
	due     time.Duration // of the request in flight, since the start
	waiting int           // further requests that are due
}

func newOpenLoop(p *Pool, rate float64, d time.Duration, request func(int) []byte) (*openLoop, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	l := &openLoop{epoll: epoll, conns: make([]openConn, len(p.conns)), request: request, duration: d, buffer: make([]byte, 64<<10)}
	l.result = OpenResult{Result: newResult(d), Lateness: newResult(d).Latencies}
	if rate > 0 {
		l.interval = time.Duration(float64(time.Second) / rate)
	}
	for i, c := range p.conns {
		if err := c.socket.detach(); err != nil {
			return nil, errors.Join(err, unix.Close(epoll))
		}
		l.conns[i] = openConn{Conn: c}
		event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}
		if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, c.socket.fd, &event); err != nil {
			return nil, errors.Join(err, unix.Close(epoll))
		}
	}
	return l, nil
}

func (l *openLoop) run() error {
	l.start = time.Now()
	events := make([]unix.EpollEvent, 256)
	for {
		now := time.Since(l.start)
		if err := l.sendDue(now); err != nil {
			return err
		}
		if now >= l.duration && (l.inFlight == 0 || now > l.duration+drainTime) {
			break
		}
		n, err := unix.EpollWait(l.epoll, events, l.waitTime(now))
		if err != nil && err != unix.EINTR {
			return err
		}
		for _, event := range events[:max(n, 0)] {
			if err := l.receive(int(event.Fd)); err != nil {
				return err
			}
		}
	}
	l.countUnanswered(time.Since(l.start))
	return nil
}

// waitTime returns for how many milliseconds epoll_wait(2) may wait: not at all
// if a request is due before the kernel would return.
func (l *openLoop) waitTime(now time.Duration) int {
	if now < l.duration && l.interval > 0 {
		return int(max(0, l.dueAt(l.next)-now-time.Millisecond) / time.Millisecond)
	}
	return 1
}

// dueAt returns when a request is due, since the start.
func (l *openLoop) dueAt(number int) time.Duration { return time.Duration(number) * l.interval }

func (l *openLoop) sendDue(now time.Duration) error {
	if l.interval == 0 {
		for ; l.next < len(l.conns); l.next++ { // receive sends the next ones
			l.inFlight++
			if err := l.send(l.next, now); err != nil {
				return err
			}
		}
		return nil
	}
	for ; l.dueAt(l.next) <= now && l.dueAt(l.next) < l.duration; l.next++ {
		l.inFlight++
		conn := l.next % len(l.conns)
		if l.conns[conn].busy {
			l.conns[conn].waiting++
			continue
		}
		due := l.dueAt(l.next)
		if err := l.send(conn, due); err != nil {
			return err
		}
		_ = l.result.Lateness.RecordValue(int64(time.Since(l.start) - due)) // covers a minute
	}
	return nil
}

func (l *openLoop) send(conn int, due time.Duration) error {
	c := &l.conns[conn]
	c.busy, c.due = true, due
	_, err := c.TLS.Write(l.request(conn))
	return err
}

// receive reads what has arrived on a connection, and sends the request that
// waits for it.
func (l *openLoop) receive(conn int) error {
	c := &l.conns[conn]
	for {
		n, err := c.TLS.Read(l.buffer)
		if err == errWouldBlock {
			return nil
		}
		if err != nil {
			return err
		}
		done, err := c.reader.read(l.buffer[:n])
		if err != nil {
			return err
		}
		if done {
			return l.finish(conn)
		}
	}
}

func (l *openLoop) finish(conn int) error {
	c := &l.conns[conn]
	now := time.Since(l.start)
	l.result.record(now - c.due)
	l.inFlight--
	c.busy = false
	switch {
	case l.interval == 0 && now < l.duration:
		l.inFlight++
		return l.send(conn, now)
	case c.waiting > 0:
		c.waiting--
		return l.send(conn, c.due+time.Duration(len(l.conns))*l.interval)
	}
	return nil
}

func (l *openLoop) countUnanswered(now time.Duration) {
	for i := range l.conns {
		c := &l.conns[i]
		if !c.busy {
			continue
		}
		for n := range c.waiting + 1 {
			l.result.record(now - c.due - time.Duration(n*len(l.conns))*l.interval)
			l.result.Unanswered++
		}
	}
}
