package state

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// runClients has eight clients use a store until the process is killed. Its
// lines are R name after the recovery, those of runCall, and F error after an
// error that ends a client.
func runClients(dir string, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	delay := time.Duration(random.IntN(4000)+1) * time.Microsecond
	s, err := open(Options{Dir: dir, CheckpointDelay: delay})
	if err != nil {
		printLine("F %v", err)
		os.Exit(1)
	}
	printLine("R %s", nameOf(s.Current()))
	var calls atomic.Int64
	var wg sync.WaitGroup
	for client := range 8 {
		random := rand.New(rand.NewPCG(seed, uint64(client)+2))
		wg.Go(func() {
			for runCall(s, client, calls.Add(1), seed, random) {
			}
		})
	}
	wg.Wait()
}

// runCall does one call. Its lines are C number client kind name expected before
// the call and E number result after it. It returns false after an error.
func runCall(s *Store, client int, call int64, seed uint64, random *rand.Rand) bool {
	if client < 2 {
		printLine("C %d %d get - -", call, client)
		printLine("E %d %s", call, nameOf(s.Current()))
		time.Sleep(time.Duration(random.IntN(300)) * time.Microsecond)
		return true
	}
	name := fmt.Sprintf("%d-%d", seed, call)
	kind, expected, c := "put", "-", Condition(nil)
	switch random.IntN(4) {
	case 0:
		kind, c = "create", ifNone
	case 1, 2:
		if v := s.Current(); v != nil {
			kind, expected, c = "swap", nameOf(v), ifMatch(v.ETag)
		}
	}
	printLine("C %d %d %s %s %s", call, client, kind, name, expected)
	_, err := s.Replace(context.Background(), c, payload(name))
	switch {
	case err == nil:
		printLine("E %d ok", call)
	case errors.Is(err, ErrPrecondition):
		printLine("E %d refused", call)
	default:
		printLine("F %v", err)
		return false
	}
	return true
}

// runUnsyncedWrites writes FileName without any sync until the process is
// killed. It is what a store is compared with. Its lines are A name after each
// write.
func runUnsyncedWrites(dir, seed string) {
	for i := 0; ; i++ {
		name := fmt.Sprintf("%s-%d", seed, i)
		if err := os.WriteFile(filepath.Join(dir, FileName), payload(name), 0o600); err != nil {
			printLine("F %v", err)
			os.Exit(1)
		}
		printLine("A %s", name)
	}
}

// payload returns data of random size that hold their name and can be checked to
// be whole.
func payload(name string) []byte {
	h := fnv.New64a()
	io.WriteString(h, name)
	random := rand.New(rand.NewPCG(h.Sum64(), 0))
	size := random.IntN(2000)
	switch random.IntN(20) {
	case 0:
		size = inlineSize + random.IntN(50<<10) // does not fit a slot
	case 1, 2:
		size = random.IntN(60 << 10)
	}
	line := name + "\n"
	return []byte(strings.Repeat(line, size/len(line)+1))
}

// nameOf returns the name of the payload, "-" if there is no version, and a
// description if the payload is not whole.
func nameOf(v *Version) string {
	if v == nil {
		return "-"
	}
	name, _, _ := strings.Cut(string(v.Data), "\n")
	if name == "" || string(v.Data) != string(payload(name)) {
		return fmt.Sprintf("torn:%.40q(%d)", v.Data, len(v.Data))
	}
	return name
}
