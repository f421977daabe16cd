package config

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// decodeText returns a YAML text as UTF-8 without a byte order mark. A text with
// the mark of UTF-16 is converted (YAML 1.2.2, section 5.2). A character that
// YAML does not allow is an error.
func decodeText(text []byte) ([]byte, *Error) {
	switch {
	case bytes.HasPrefix(text, []byte("\xef\xbb\xbf")):
		text = text[3:]
	case bytes.HasPrefix(text, []byte("\xfe\xff")):
		text = decodeUTF16(text[2:], binary.BigEndian)
	case bytes.HasPrefix(text, []byte("\xff\xfe")):
		text = decodeUTF16(text[2:], binary.LittleEndian)
	}
	line, column := 1, 1
	for rest := text; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		if r == utf8.RuneError && size == 1 {
			return nil, &Error{Line: line, Column: column, Message: "not UTF-8: save the file as UTF-8 text"}
		}
		if !isPrintable(r) {
			return nil, &Error{Line: line, Column: column, Message: fmt.Sprintf("the character %U is not allowed in YAML: remove it, or save the file as UTF-8 text", r)}
		}
		rest = rest[size:]
		column++
		if r == '\n' || r == '\r' && !bytes.HasPrefix(rest, []byte("\n")) {
			line, column = line+1, 1
		}
	}
	return text, nil
}

func decodeUTF16(text []byte, order binary.ByteOrder) []byte {
	var units []uint16
	for ; len(text) > 1; text = text[2:] {
		units = append(units, order.Uint16(text))
	}
	return []byte(string(utf16.Decode(units)))
}

// isPrintable reports whether YAML allows r (c-printable of YAML 1.2.2, section
// 5.1). Surrogates do not occur in UTF-8.
func isPrintable(r rune) bool {
	switch r {
	case '\t', '\n', '\r', '\u0085':
		return true
	case 0xfffe, 0xffff:
		return false
	}
	return !unicode.IsControl(r)
}
