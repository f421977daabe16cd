package http1

import "bytes"

// A headerScanner finds the end of a header section, RFC 9112, section 2.1, as it
// arrives. It refuses what recipients are known to read in different ways and
// what the parser behind it, lenient as section 2.2 allows, would accept: a
// line that ends in anything but CRLF, an empty line before the request, and a
// folded line (section 5.2). The parser judges the rest.
type headerScanner struct {
	line  int // offset of the first line whose end has not arrived
	lines int // number of lines before that line
	seen  int // number of bytes that have been searched for its end
}

// lineShare is the number of bytes of limits.header for each line that a header may have,
// however short its lines are: the parser keeps 70 bytes more for each line. HTTP/2 counts
// 32 bytes more for each field (RFC 9113, section 6.5.2).
const lineShare = 32

// end returns the length of the section at the start of b, 0 while it is not
// complete. Each call sees the bytes of the one before, and more.
func (s *headerScanner) end(b []byte) (int, error) {
	for s.line < len(b) {
		from := max(s.line, s.seen)
		found := bytes.IndexByte(b[from:], '\n')
		lf := from + found - s.line
		switch {
		case b[s.line] == ' ', b[s.line] == '\t':
			return 0, errLineEnd
		case found < 0:
			s.seen = len(b)
			return 0, nil
		case lf == 0, b[s.line+lf-1] != '\r', lf == 1 && s.line == 0:
			return 0, errLineEnd
		case lf == 1:
			return s.line + 2, nil
		}
		s.line += lf + 1
		s.lines++
	}
	return 0, nil
}
