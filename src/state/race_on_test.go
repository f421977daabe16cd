//go:build race

package state

// kills is smaller here because a child process with the race detector takes ten
// times as long to start.
const kills = 120
