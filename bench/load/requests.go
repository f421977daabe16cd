package load

import (
	"fmt"
	"math/rand/v2"
)

// Get returns a request for path.
func Get(path string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path)
}

// Write returns a request that replaces what is at path with body. Token may be
// empty.
func Write(method, path, token string, body []byte) []byte {
	request := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n", method, path, len(body))
	if token != "" {
		request = fmt.Appendf(request, "Authorization: Bearer %s\r\n", token)
	}
	return append(append(request, "\r\n"...), body...)
}

// Body returns n bytes of text that do not compress well, the same each time.
func Body(n int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	body := make([]byte, n)
	for i := range body {
		body[i] = byte('!' + random.IntN('~'-'!'))
	}
	return body
}

// Writes returns requests for Pool.Run that each write another body of size
// bytes, so that no server can tell that it has the state already.
func Writes(conns int, method, path, token string, size int) func(conn int) []byte {
	requests := make([][]byte, conns)
	counts := make([]uint32, conns)
	return func(conn int) []byte {
		if requests[conn] == nil {
			requests[conn] = Write(method, path, token, Body(size))
		}
		counts[conn]++
		// Sixteen hexadecimal digits name the connection and the request.
		copy(requests[conn][len(requests[conn])-min(size, 16):], fmt.Sprintf("%08x%08x", counts[conn], conn))
		return requests[conn]
	}
}
