package credentials

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// maxFile is the largest size of a file in bytes, which is also that of a
// credential of systemd (systemd-creds(1)).
const maxFile = 1 << 20

// Files are the paths of the credentials. An empty path of an optional file is
// the same as a file that does not exist.
type Files struct {
	// Cert has the server's certificate and after it those of its chain, in PEM.
	Cert string
	// Key has the certificate's private key in PEM, as PKCS #8, PKCS #1 or SEC 1.
	// It may be the same file as Cert.
	Key string
	// Token has one token a line, and comments. It is optional.
	Token string
	// ClientCA has the certificates of the authorities that issue client
	// certificates, in PEM. It is optional.
	ClientCA string
}

// readFile returns the content of a file without its byte order mark. It is nil
// only if the file is optional and does not exist.
func readFile(name, path string, optional bool) ([]byte, error) {
	f, err := os.OpenFile(path, syscall.O_NONBLOCK, 0) // which waits for no writer of a pipe
	if optional && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.NewSectionReader(f, 0, maxFile+1)) // of a pipe, an error
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w: only a regular file can be read", name, err)
	case len(text) > maxFile:
		return nil, fmt.Errorf("%s: %s is larger than 1 MiB", name, path)
	case bytes.HasPrefix(text, []byte("\xff\xfe")), bytes.HasPrefix(text, []byte("\xfe\xff")):
		return nil, fmt.Errorf("%s: %s is UTF-16: save it as UTF-8 or ASCII text", name, path)
	}
	return bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), nil
}

// fingerprint returns a digest of the digests of texts, so that bytes which move
// from one text to the next change it.
func fingerprint(texts ...[]byte) string {
	h := sha256.New()
	for _, text := range texts {
		sum := sha256.Sum256(text)
		h.Write(sum[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}
