package credentials

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A block is one block of a PEM file (RFC 7468).
type block struct {
	*pem.Block
	line int // of -----BEGIN in the file
}

// isKey reports whether the block is a private key of any format.
func (b block) isKey() bool { return strings.HasSuffix(b.Type, "PRIVATE KEY") }

var (
	beginMarker = []byte("-----BEGIN ")
	// partOfBlock matches what stands in no comment: a marker, or a line of base64.
	partOfBlock = regexp.MustCompile(`(?m)-----(BEGIN|END) |^[A-Za-z0-9+/]{32,}={0,2}[ \t\r]*$`)
)

// parsePEM returns the blocks of a PEM file. Text between blocks is allowed as a
// comment. In contrast to pem.Decode, which skips a block that it cannot read,
// every such block is an error: skipping one would shorten a chain or a list of
// authorities without a message.
func parsePEM(text []byte) ([]block, error) {
	var blocks []block
	newline := []byte("\n")
	for line := 1; ; {
		decoded, after := pem.Decode(text)
		read := text[:len(text)-len(after)]
		if decoded == nil {
			read = text
		}
		first := partOfBlock.FindIndex(read)
		if first == nil {
			break
		}
		line += bytes.Count(read[:first[0]], newline)
		whole := decoded != nil && bytes.HasPrefix(read[first[0]:], beginMarker)
		if !whole || bytes.Count(read, beginMarker) != 1 {
			return nil, fmt.Errorf("line %d: damaged PEM block: it needs a line -----BEGIN, lines of base64 and a line -----END of the same type, and nothing else on these lines", line)
		}
		blocks = append(blocks, block{decoded, line})
		line += bytes.Count(read[first[0]:], newline)
		text = after
	}
	if len(blocks) == 0 {
		return nil, errors.New("not a PEM file: it has no -----BEGIN line; convert other formats with openssl")
	}
	return blocks, nil
}

// parseCertificates returns the certificates of a PEM file. Any other block is an
// error, but for a key and the parameters that openssl-ecparam(1) writes, where
// the file may have a key.
func parseCertificates(text []byte, mayHaveKey bool) ([]*x509.Certificate, error) {
	blocks, err := parsePEM(text)
	if err != nil {
		return nil, err
	}
	var certificates []*x509.Certificate
	for _, b := range blocks {
		if mayHaveKey && (b.isKey() || strings.HasSuffix(b.Type, " PARAMETERS")) {
			continue
		}
		if b.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("line %d: the type is %.40q, not a CERTIFICATE", b.line, b.Type)
		}
		c, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return nil, fmt.Errorf("line %d: the certificate is damaged: %w", b.line, err)
		}
		certificates = append(certificates, c)
	}
	if len(certificates) == 0 {
		return nil, errors.New("the file has no certificate")
	}
	return certificates, nil
}

// parseKey returns the only private key of a PEM file, in PKCS #8, PKCS #1 or
// SEC 1.
func parseKey(text []byte) (crypto.Signer, error) {
	blocks, err := parsePEM(text)
	if err != nil {
		return nil, err
	}
	blocks = slices.DeleteFunc(blocks, func(b block) bool { return !b.isKey() })
	if len(blocks) != 1 {
		return nil, fmt.Errorf("the file has %d private keys: it must have one, the certificate's", len(blocks))
	}
	var key any
	if key, err = x509.ParsePKCS8PrivateKey(blocks[0].Bytes); err != nil {
		key, err = x509.ParseECPrivateKey(blocks[0].Bytes)
	}
	if err != nil {
		key, err = x509.ParsePKCS1PrivateKey(blocks[0].Bytes)
	}
	signer, ok := key.(crypto.Signer)
	if err != nil || !ok {
		return nil, fmt.Errorf("line %d: the key is damaged, encrypted or of another kind than TLS needs: "+
			"convert it with openssl pkey, or a key of OpenSSH with ssh-keygen -p -m PKCS8", blocks[0].line)
	}
	return signer, nil
}
