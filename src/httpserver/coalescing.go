package httpserver

import "foobar/src/engine"

const (
	// coalescedBytes is how many bytes of records go out in one system call.
	coalescedBytes = 64 << 10
	// coalescingConns is how many connections can coalesce at a time. It bounds the
	// memory that slow clients occupy; other connections do not coalesce.
	coalescingConns = 64
)

// coalesce calls write, and sends the TLS records that it writes in few system
// calls, if a buffer is free. crypto/tls makes one call for each record. The
// goroutine that calls it must be the only one that reads or writes c.
func (c *conn) coalesce(write func() error) error {
	var buf []byte
	select {
	case buf = <-c.server.buffers:
	default:
		return write()
	}
	if buf == nil {
		buf = make([]byte, 0, coalescedBytes+engine.MaxTLSRecord)
	}
	c.records = buf
	defer func() { // after a panic, too
		c.records = nil
		c.server.buffers <- buf
	}()
	if err := write(); err != nil {
		return err
	}
	records := c.records
	c.records = nil
	_, err := c.Write(records)
	return err
}

// writeCoalesced adds a record to those that are written later.
func (c *conn) writeCoalesced(record []byte) (int, error) {
	if len(c.records)+len(record) > cap(c.records) {
		if _, err := c.Conn.Write(c.records); err != nil {
			return 0, err
		}
		c.records = c.records[:0]
	}
	c.records = append(c.records, record...)
	return len(record), nil
}
