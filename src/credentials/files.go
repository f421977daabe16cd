package credentials

import (
	"bytes"
	"cmp"
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

// contents are the contents of the files without byte order marks; an optional
// file that does not exist is nil.
type contents struct{ cert, key, token, clientCA []byte }

func readFiles(f Files) (contents, error) {
	cert, certErr := readFile("certificate", f.Cert, false)
	key, keyErr := readFile("key", f.Key, false)
	token, tokenErr := readFile("token", f.Token, true)
	clientCA, clientCAErr := readFile("client-ca", f.ClientCA, true)
	return contents{cert, key, token, clientCA}, cmp.Or(certErr, keyErr, tokenErr, clientCAErr)
}

// readFile returns the content of a file, which is nil only if the file is
// optional and does not exist.
func readFile(name, path string, optional bool) ([]byte, error) {
	text, err := readText(path)
	if optional && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return text, nil
}

func readText(path string) ([]byte, error) {
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
