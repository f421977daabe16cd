// Package attack tests that the service withstands clients that hold what they
// can: connections, handshakes, requests, memory. Each attack runs against the
// program with the shipped limits on the loopback interface. A client that behaves
// has to get its response within a second, and the memory has to stay below what
// foobar.service allows. test/run runs it; it needs 12,000 open files.
//
// Read attacks.go first.
package attack
