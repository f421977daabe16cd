package credentials

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// A block is one block of a PEM file (RFC 7468).
type block struct {
	*pem.Block
	number, line int // of the block in the file, of its first line
}

// String names the block in errors.
func (b block) String() string { return fmt.Sprintf("PEM block %d (line %d)", b.number, b.line) }

// isKey reports whether the block is a private key of any format.
func (b block) isKey() bool { return strings.HasSuffix(b.Type, "PRIVATE KEY") }

var (
	beginMarker = []byte("-----BEGIN ")
	endMarker   = []byte("-----END ")
	endLine     = regexp.MustCompile(`^-----END [^\n-]*-----[ \t\r]*(\n|$)`)
	base64Line  = regexp.MustCompile(`(?m)^[A-Za-z0-9+/]{32,}={0,2}[ \t\r]*$`)
)

// parsePEM returns the blocks of a PEM file. Text between blocks is allowed as a
// comment. In contrast to pem.Decode, which skips a block that it cannot read,
// every such block is an error: skipping one would shorten a chain or a list of
// authorities without a message.
func parsePEM(text []byte) ([]block, error) {
	var blocks []block
	for start := 0; ; {
		begin := bytes.Index(text[start:], beginMarker)
		if begin < 0 {
			begin = len(text) - start
		}
		begin += start
		if err := checkComment(text, start, begin); err != nil {
			return nil, err
		}
		if begin == len(text) {
			break
		}
		b := block{number: len(blocks) + 1, line: lineOf(text, begin)}
		size, err := b.decode(text[begin:])
		if begin > 0 && text[begin-1] != '\n' {
			err = errors.New("-----BEGIN is not at the start of its line: insert a line break before it")
		}
		if err != nil {
			return nil, fmt.Errorf("%v: %w", b, err)
		}
		blocks = append(blocks, b)
		start = begin + size
	}
	if len(blocks) == 0 {
		return nil, errors.New("not a PEM file: it has no -----BEGIN line; convert other formats with openssl")
	}
	return blocks, nil
}

// decode decodes the block at the start of text and returns its size in bytes.
func (b *block) decode(text []byte) (size int, err error) {
	end := bytes.Index(text, endMarker)
	if next := bytes.Index(text[1:], beginMarker); end < 0 || next >= 0 && next < end {
		return 0, errors.New("the block has no -----END line: the file is cut off, or lines are missing")
	}
	last := endLine.Find(text[end:])
	if last == nil {
		return 0, errors.New("the -----END line is damaged, or a line break is missing after it")
	}
	size = end + len(last)
	decoded, rest := pem.Decode(text[:size])
	if decoded == nil || len(bytes.TrimSpace(rest)) > 0 {
		return 0, errors.New("the block is damaged: it is not base64, or its -----BEGIN and -----END lines differ")
	}
	b.Block = decoded
	return size, nil
}

// checkComment reports text between blocks that is a part of a block.
func checkComment(text []byte, start, end int) error {
	comment := text[start:end]
	if i := base64Line.FindIndex(comment); i != nil {
		return fmt.Errorf("line %d: base64 outside of a PEM block: a -----BEGIN line is missing or damaged", lineOf(text, start+i[0]))
	}
	if i := bytes.Index(comment, endMarker); i >= 0 {
		return fmt.Errorf("line %d: -----END without a -----BEGIN line before it", lineOf(text, start+i))
	}
	return nil
}

func lineOf(text []byte, offset int) int { return 1 + bytes.Count(text[:offset], []byte("\n")) }
