// Command bench measures foobar beside what an administrator would otherwise
// run in front of a file. bench/run prepares what it needs and starts it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A bench is one run.
type bench struct {
	place  *place
	report *report
	rounds int
	round  time.Duration
	quick  bool
}

var errMissed = errors.New("a bar was missed")

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	set := flag.NewFlagSet("bench/run", flag.ExitOnError)
	dir := set.String("dir", "", "directory that bench/run has prepared")
	repo := set.String("repo", "", "the repository")
	quick := set.Bool("quick", false, "fewer and shorter rounds, without caddy, memory and growth: ratios wobble")
	only := set.String("only", "", "comma-separated `parts`: "+strings.Join(names(), ", "))
	rounds := set.Int("rounds", 5, "rounds of each comparison")
	round := set.Duration("round", 2*time.Second, "length of a round, in whole seconds")
	write := set.Bool("write", false, "put the report into bench/README.md")
	set.Parse(args)

	p, err := openPlace(*dir, *repo)
	if err != nil {
		return err
	}
	b := &bench{place: p, report: newReport(os.Stdout), rounds: *rounds, round: *round, quick: *quick}
	if b.quick {
		b.rounds, b.round = 3, time.Second
	}
	chosen := names()
	if b.quick {
		chosen = []string{"tables", "sandbox", "handshakes", "start"}
	}
	if *only != "" {
		chosen = strings.Split(*only, ",")
	}
	if *write && (b.quick || *only != "") {
		return errors.New("-write wants a whole run")
	}
	if err := b.about(); err != nil {
		return err
	}
	if err := b.all(chosen); err != nil {
		return err
	}
	met := b.report.verdict()
	if *write {
		if err := b.report.write(*repo + "/bench"); err != nil {
			return err
		}
	}
	if !met {
		return errMissed
	}
	return nil
}

// A part is a part of the report.
type part struct {
	name string
	run  func(*bench) error
}

func parts() []part {
	return []part{
		{"tables", (*bench).tables},
		{"sandbox", (*bench).sandbox},
		{"handshakes", (*bench).handshakes},
		{"memory", (*bench).memory},
		{"start", (*bench).start},
		{"growth", (*bench).growth},
	}
}

func names() []string {
	var names []string
	for _, p := range parts() {
		names = append(names, p.name)
	}
	return names
}

func (b *bench) all(chosen []string) error {
	for _, name := range chosen {
		if !slices.Contains(names(), name) {
			return fmt.Errorf("no part is called %q: %s", name, strings.Join(names(), ", "))
		}
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	done := make(chan error, 1)
	go func() {
		for _, p := range parts() {
			if !slices.Contains(chosen, p.name) {
				continue
			}
			if err := p.run(b); err != nil {
				done <- fmt.Errorf("%s: %w", p.name, err)
				return
			}
		}
		done <- nil
	}()
	select {
	case err := <-done:
		return err
	case s := <-interrupted:
		return fmt.Errorf("ended by %s", s) // the servers go with this process
	}
}
