// Package compatibility runs real HTTP clients and proxies against the service by
// hand on the loopback interface, and writes docs/compatibility.md of what they do
// and what the service responds. It tests the protocol as the clients speak it;
// what a request means is tested in src/api. Read clients.go first: it has the
// cases.
package compatibility

const (
	// State is stored before each case.
	State = "0123456789"
	// Empty, as Case.Stored, is a state without bytes.
	Empty = "(empty)"
)

// A Case is one thing that a client does.
type Case struct {
	Client string // a heading of the document
	// Does and Response are the cells of a row of the document.
	Does, Response string
	// Script is run by bash -euo pipefail in an empty directory, with the functions
	// of testdata/functions.sh. It knows $url (https://localhost:PORT), $host and
	// $port of the URL, $cert, $token, $bearer (a header field with the token),
	// $proxy (a free port), $python, $goclient and $testdata.
	Script string
	// Output is a regular expression that all of the standard output matches.
	Output string
	// Stored is the state after the case; "" means that it is State still.
	Stored string
}

// Needs lists the commands of the cases as `test/machine needs` takes them.
func Needs() []string {
	return []string{
		"curl", "wget", "ab=apache2-utils:apache", "wrk", "h2load=nghttp2-client:nghttp2", "python3=python3:python", "node=nodejs",
		"javac=default-jdk-headless:jdk-openjdk", "nginx", "haproxy", "prometheus",
	}
}
