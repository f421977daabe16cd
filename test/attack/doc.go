// Package attack has clients that take from a server what they can: connections,
// handshakes, requests, memory, processor time. None of them has a right that an
// anonymous client lacks, except where its description says so. A client that
// behaves sends requests beside each attack, and the time that it waits says
// whether the server withstands.
//
// The package is used in three ways. Its tests (go test -tags attack) run every
// attack for seconds against the program with the shipped limits. The program
// compare, which test/attack/run starts, runs them against foobar, net/http,
// nginx and caddy, and writes docs/attacks.md. test/vm runs a few of them against
// the unit, whose memory the kernel limits.
//
// Read attack.go first, then the list in attacks.go. random1.go and random2.go
// have clients that obey the protocol and are random otherwise.
package attack
