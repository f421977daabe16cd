//go:build race

package state

// A child with the race detector takes ten times as long to start.
const kills = 120
