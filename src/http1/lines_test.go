package http1_test

import (
	"fmt"
	"strings"
	"testing"

	"foobar/src/http1"
)

// TestLinesAreLimited checks that a header which is not too long may not have thousands
// of short lines either: the parser keeps many times the size of each.
func TestLinesAreLimited(t *testing.T) {
	const maxHeader = 16 << 10
	for lines, refused := range map[int]bool{maxHeader/32 - 2: false, maxHeader/32 - 1: true, 3000: true} {
		raw := fmt.Sprintf("GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", strings.Repeat("a:\r\n", lines))
		_, _, err := http1.ParseForTest(&fakeConn{}, []byte(raw), maxHeader)
		if (err != nil) != refused || refused && !strings.Contains(err.Error(), "lines") {
			t.Errorf("%d lines: %v, want an error %v", lines+2, err, refused)
		}
	}
}
