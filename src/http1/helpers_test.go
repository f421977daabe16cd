package http1_test

import (
	"io"
	"net"
	"time"
)

// A fakeConn is an engine.Conn without a client.
type fakeConn struct{ net.Conn }

func (*fakeConn) Write(b []byte) (int, error)                 { return len(b), nil }
func (*fakeConn) RemoteAddr() net.Addr                        { return nil }
func (*fakeConn) ReadFirst(func() error, time.Duration) error { return io.EOF }
func (*fakeConn) SetHeaderTimeout(time.Time, time.Duration)   {}
func (*fakeConn) StartRequest(time.Time)                      {}
func (*fakeConn) SetReadTimeout(time.Time, time.Duration)     {}
func (*fakeConn) SetWriteTimeout(time.Time, time.Duration)    {}
func (*fakeConn) WriteBoth([]byte, []byte) error              { return nil }
func (*fakeConn) Draining() bool                              { return false }
func (*fakeConn) Linger(time.Duration, int64)                 {}
func (*fakeConn) Abort()                                      {}
