package credentials

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// A digest stands for a token, so that all have one length to compare.
type digest [sha256.Size]byte

// bearer is the b64token of RFC 6750, section 2.1.
var bearer = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)

// minToken is the least length, in characters, of a token that nobody guesses.
const minToken = 16

// parseTokens reads a token a line. Empty lines and those that begin with # are
// passed over; a file without a token is one that somebody has not finished.
// While a token is replaced, the old one and the new one both are there.
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
		if len(token) < minToken || !bearer.MatchString(token) {
			return nil, fmt.Errorf("line %d: allowed is one token a line, of at least %d letters, digits and -._~+/ (RFC 6750, section 2.1), and comments with #", number, minToken)
		}
		tokens = append(tokens, sha256.Sum256([]byte(token)))
	}
	if len(tokens) == 0 {
		return nil, errors.New("there is no token in it")
	}
	return tokens, nil
}

// HasToken says whether there is a token that could let a request in.
func (s *Set) HasToken() bool { return len(s.tokens) > 0 }

// Authorizes says whether the value of an Authorization header field carries
// one of the tokens. It takes the same time for every token, right or wrong.
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
