package credentials

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// maxFile is the largest size of a file in bytes, which is also that of a
// credential of systemd (systemd-creds(1)).
const maxFile = 1 << 20

// Files are the paths of the credentials.
type Files struct {
	// Cert has the server's certificate and after it those of its chain, in PEM.
	Cert string
	// Key has the certificate's private key in PEM, as PKCS #8, PKCS #1 or SEC 1.
	// It may be the same file as Cert.
	Key string
	// Token has one token a line, and comments. An empty path or a file that
	// does not exist means that there is no token.
	Token string
	// ClientCA has the certificates of the authorities that issue client
	// certificates, in PEM. An empty path or a file that does not exist means
	// that there is no authority.
	ClientCA string
}

// contents are the contents of the files without byte order marks; an optional
// file that does not exist is nil.
type contents struct{ cert, key, token, clientCA []byte }

func readFiles(f Files) (c contents, err error) {
	for _, file := range []struct {
		name, path string
		optional   bool
		content    *[]byte
	}{
		{"certificate", f.Cert, false, &c.cert},
		{"key", f.Key, false, &c.key},
		{"token", f.Token, true, &c.token},
		{"client-ca", f.ClientCA, true, &c.clientCA},
	} {
		if file.optional && file.path == "" {
			continue
		}
		*file.content, err = readFile(file.path)
		if file.optional && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return c, fmt.Errorf("%s: %w", file.name, err)
		}
	}
	return c, nil
}

// readFile returns the content of a text file without its byte order mark. It is
// not nil if there is no error.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxFile:
		return nil, fmt.Errorf("%s is larger than 1 MiB", path)
	case bytes.HasPrefix(text, []byte("\xff\xfe")), bytes.HasPrefix(text, []byte("\xfe\xff")):
		return nil, fmt.Errorf("%s is UTF-16: save it as UTF-8 or ASCII text", path)
	}
	return bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), nil
}

// sum returns a digest of the digests of all contents, so that bytes which move
// from one file to the next change it.
func (c contents) sum() digest {
	h := sha256.New()
	for _, content := range [][]byte{c.cert, c.key, c.token, c.clientCA} {
		sum := sha256.Sum256(content)
		h.Write(sum[:])
	}
	return digest(h.Sum(nil))
}
