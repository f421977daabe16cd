//go:build !race

package state

// kills is the number of processes that TestKill kills.
const kills = 520
