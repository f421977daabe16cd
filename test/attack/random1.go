package attack

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"time"
)

const (
	// pipelined is how many requests a random client sends at most before it has
	// read a response.
	pipelined = 8
	// maxRandomBody1 bounds the body of one of them, in bytes.
	maxRandomBody1 = 5000
)

// RandomHTTP1 sends random requests over one HTTP/1.1 connection, several at a
// time and cut into random pieces.
func RandomHTTP1(t Target, seed uint64) error {
	rng := newRand(seed)
	c, err := dialRandom(t, "http/1.1")
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(answerTimeout))
	in := bufio.NewReader(c)
	for range 1 + rng.IntN(10) {
		requests := make([]randomRequest, 1+rng.IntN(pipelined))
		var text bytes.Buffer
		for i := range requests {
			requests[i] = newRandomRequest(rng, t, maxRandomBody1)
			writeHTTP1(&text, rng, requests[i])
		}
		begun, sent := time.Now(), make(chan error, 1)
		var end time.Time
		go func() {
			err := sendPieces(c, newRand(seed), text.Bytes())
			end = time.Now()
			sent <- err
		}()
		closed, timedOut, err := readHTTP1(in, requests)
		if err != nil {
			return err
		}
		if err := <-sent; err != nil && !closed {
			return fmt.Errorf("send: %w", err)
		}
		if timedOut && !t.mayTimeOut(begun, end) {
			return fmt.Errorf("status 408 after %v, for requests that were sent in %v", time.Since(begun), end.Sub(begun))
		}
		if closed {
			return wantEnd(in)
		}
		c.SetDeadline(time.Now().Add(answerTimeout))
	}
	endHTTP1(c, rng)
	return wantEnd(in)
}

// writeHTTP1 writes a request in one of the forms that RFC 9112 allows.
func writeHTTP1(w *bytes.Buffer, rng *rand.Rand, r randomRequest) {
	name := func(s string) string {
		if rng.IntN(2) == 0 {
			return http.CanonicalHeaderKey(s)
		}
		return s
	}
	fmt.Fprintf(w, "%s %s HTTP/1.1\r\n%s:%slocalhost\r\n", r.method, r.path, name("host"), pick(rng, "", " ", "\t "))
	for _, f := range r.fields {
		fmt.Fprintf(w, "%s:%s%s%s\r\n", name(f[0]), pick(rng, "", " ", " \t"), f[1], pick(rng, "", " "))
	}
	switch {
	case r.body == nil:
		w.WriteString("\r\n")
	case rng.IntN(2) == 0:
		fmt.Fprintf(w, "%s: %d\r\n\r\n%s", name("content-length"), len(r.body), r.body)
	default:
		fmt.Fprintf(w, "%s: chunked\r\n\r\n", name("transfer-encoding"))
		for body := r.body; len(body) > 0; {
			n := 1 + rng.IntN(len(body))
			fmt.Fprintf(w, pick(rng, "%x", "%X", "0%x")+"\r\n%s\r\n", n, body[:n])
			body = body[n:]
		}
		w.WriteString("0\r\n\r\n")
	}
}

// sendPieces writes text in pieces of random length.
func sendPieces(w io.Writer, rng *rand.Rand, text []byte) error {
	for len(text) > 0 {
		n := min(1+rng.IntN(1+rng.IntN(4000)), len(text))
		if _, err := w.Write(text[:n]); err != nil {
			return err
		}
		text = text[n:]
	}
	return nil
}

// readHTTP1 reads the responses. It reports whether the server closes the
// connection, after which no further response is due, and whether it has waited too
// long for a request.
func readHTTP1(in *bufio.Reader, requests []randomRequest) (closed, timedOut bool, err error) {
	for i, r := range requests {
		resp, err := http.ReadResponse(in, &http.Request{Method: r.method})
		if err != nil {
			return false, false, fmt.Errorf("response %d to %s %s %q: %w", i, r.method, r.path, r.fields, err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return false, false, fmt.Errorf("body of response %d to %s %s %q: %w", i, r.method, r.path, r.fields, err)
		}
		noLength := resp.ContentLength < 0 && resp.StatusCode != http.StatusNotModified
		timedOut = resp.StatusCode == http.StatusRequestTimeout && resp.Close
		if !statuses[resp.StatusCode] && !timedOut || noLength {
			return false, false, fmt.Errorf("%s %s %q: status %d with %d of %d bytes", r.method, r.path, r.fields, resp.StatusCode, len(body), resp.ContentLength)
		}
		if resp.Close {
			return true, timedOut, nil
		}
	}
	return false, false, nil
}

// endHTTP1 leaves the connection in one of the ways that clients do, and sends
// nonsense in some of them.
func endHTTP1(c *Conn, rng *rand.Rand) {
	switch rng.IntN(4) {
	case 0: // silence
	case 1:
		c.send("GET / HTTP/1.1\r\nHo")
	case 2:
		c.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345")
	default:
		nonsense := make([]byte, 1+rng.IntN(3000))
		for i := range nonsense {
			nonsense[i] = byte(rng.Uint32())
		}
		c.Write(nonsense)
	}
}

// wantEnd reads until the server closes the connection.
func wantEnd(r io.Reader) error {
	if _, err := io.Copy(io.Discard, r); errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.New("the connection does not end")
	}
	return nil
}
