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

// parseTokens returns the digests of the tokens in a file, one a line, and
// warnings. Several tokens let a client change from the old to the new one.
// Empty lines and comments are skipped. A file without a token is an error: it
// is probably not finished.
func parseTokens(text []byte) (tokens []digest, warnings []string, err error) {
	previous := ""
	for i, line := range strings.Split(string(text), "\n") {
		token := strings.TrimSpace(line)
		if token == "" || strings.HasPrefix(token, "#") {
			previous = ""
			continue
		}
		hint := fmt.Sprintf("use one token a line, of at least %d letters, digits and -._~+/ (RFC 6750, section 2.1), and # for comments", minToken)
		if looksWrapped(previous, token) {
			hint = fmt.Sprintf("lines %d and %d look like one token that base64(1) has wrapped: join the lines", i, i+1)
			warnings = append(warnings, "token file: "+hint)
		}
		if len(token) < minToken || !b64token.MatchString(token) {
			return nil, nil, fmt.Errorf("line %d: not a token: %s", i+1, hint)
		}
		tokens = append(tokens, sha256.Sum256([]byte(token)))
		previous = token
	}
	if len(tokens) == 0 {
		return nil, nil, errors.New("the file has no token")
	}
	return tokens, warnings, nil
}

// looksWrapped reports whether two lines look like one base64 text that was
// wrapped after 64 characters, as openssl-base64(1) does, or 76, as base64(1)
// does. Two whole tokens of that length, such as the hexadecimal form of 32
// bytes, are equally long.
func looksWrapped(first, second string) bool {
	return (len(first) == 64 || len(first) == 76) && len(second) < len(first) && !strings.HasSuffix(first, "=")
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
