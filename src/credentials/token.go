package credentials

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// A digest is a SHA-256 digest. Tokens are stored and compared as digests, so
// that all comparisons have the same length.
type digest [sha256.Size]byte

// b64token is the b64token of RFC 6750, section 2.1.
var b64token = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)

// minToken is the least length of a token, in characters. A shorter one can be
// guessed.
const minToken = 16

// parseTokens returns the digests of the tokens in a file, one a line, or nil if
// text is nil. Several tokens let a client change from the old to the new one.
// Empty lines and comments are skipped. A file without a token is an error: it
// is probably not finished.
func parseTokens(text []byte) ([]digest, error) {
	if text == nil {
		return nil, nil
	}
	var tokens []digest
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		token := strings.TrimSpace(line)
		if token == "" || strings.HasPrefix(token, "#") {
			continue
		}
		if len(token) < minToken || !b64token.MatchString(token) {
			return nil, fmt.Errorf("line %d: not a token: use one token a line, of at least %d letters, digits and -._~+/ (RFC 6750, section 2.1), and # for comments", number, minToken)
		}
		tokens = append(tokens, sha256.Sum256([]byte(token)))
	}
	if len(tokens) == 0 {
		return nil, errors.New("the file has no token")
	}
	return tokens, nil
}

// HasToken reports whether the Set has a token.
func (s *Set) HasToken() bool { return len(s.tokens) > 0 }

// Authorizes reports whether the value of an Authorization header field has one
// of the tokens (RFC 6750, section 2.1). It takes the same time for every token,
// valid or not.
func (s *Set) Authorizes(header string) bool {
	scheme, token, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return false
	}
	sent := sha256.Sum256([]byte(strings.TrimLeft(token, " ")))
	equal := 0
	for i := range s.tokens {
		equal |= subtle.ConstantTimeCompare(sent[:], s.tokens[i][:])
	}
	return equal == 1
}
