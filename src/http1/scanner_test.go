package http1

import (
	"strings"
	"testing"
)

// TestScannerSearchesEachByteOnce checks that a header which arrives byte by byte
// costs no more than its bytes.
func TestScannerSearchesEachByteOnce(t *testing.T) {
	var s headerScanner
	b := []byte("GET / HTTP/1.1\r\nX: " + strings.Repeat("x", 100))
	if n, err := s.end(b); n != 0 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	b[len(b)-10] = '\n' // which it has searched
	if n, err := s.end(append(b, 'x')); n != 0 || err != nil {
		t.Errorf("a byte is searched again: %d, %v", n, err)
	}
	if n, err := s.end(append(b, "\r\n\r\n"...)); n != len(b)+4 || err != nil {
		t.Errorf("%d, %v, want the end at %d", n, err, len(b)+4)
	}
}
