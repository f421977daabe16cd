package credentials

import (
	"bytes"
	"encoding/pem"
	"testing"
)

// FuzzPEM checks that a file is either an error or read as a whole: there is a
// block for each -----BEGIN, with the content that pem.Decode finds.
func FuzzPEM(f *testing.F) {
	good := string(pem.EncodeToMemory(&pem.Block{Type: "X", Bytes: []byte("some bytes that are not a certificate, in two lines")}))
	for _, text := range []string{
		"", good, good + good, "comment\n" + good + "\n# end", good[:len(good)-1] + good, good + "-----END X-----\n",
		"-----BEGIN X-----\nA: B\n\n-----END X-----", "-----BEGIN X-----\r\naGk=\r\n-----END X-----\r\n", "-----BEGIN -----END -----", "-----BEGIN X-----",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		blocks, err := parsePEM(text)
		if err != nil {
			return
		}
		if n := bytes.Count(text, beginMarker); len(blocks) != n {
			t.Fatalf("%d blocks, and %d times -----BEGIN", len(blocks), n)
		}
		for _, b := range blocks {
			want, rest := pem.Decode(text)
			if want == nil || want.Type != b.Type || !bytes.Equal(want.Bytes, b.Bytes) {
				t.Fatalf("the block of line %d differs from what pem.Decode returns", b.line)
			}
			text = rest
		}
	})
}
