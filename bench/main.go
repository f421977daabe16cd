// Command bench measures foobar beside the servers that an administrator could
// run in its place. bench/run prepares what the command needs and starts it.
// Read sections.go first: it lists what is measured, and each section has a
// file of its name.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// Exit statuses.
const (
	exitFailure   = 1  // a target was missed, or the measurement failed
	exitUndecided = 75 // a target is not decided: the machine was too busy, or too few rounds (EX_TEMPFAIL of sysexits.h)
)

var (
	errMissed    = errors.New("a target was missed")
	errUndecided = errors.New("a target is not decided; run this again when the machine is quiet, or with more -rounds")
)

// A benchmark is one run of this program.
type benchmark struct {
	workdir  *workdir
	report   *report
	rounds   int           // how often each server has its turn
	duration time.Duration // of one turn
	quick    bool
}

func main() {
	err := run(os.Args[1:])
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(exitStatus(err))
}

// exitStatus returns exitUndecided if an error says nothing worse.
func exitStatus(err error) int {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			if status := exitStatus(e); status != exitUndecided {
				return status
			}
		}
		return exitUndecided
	}
	if errors.Is(err, errUndecided) {
		return exitUndecided
	}
	return exitFailure
}

func run(args []string) error {
	set := flag.NewFlagSet("bench/run", flag.ExitOnError)
	dir := set.String("dir", "", "`directory` that bench/run has prepared")
	repo := set.String("repo", "", "`directory` of the repository")
	quick := set.Bool("quick", false, "fewer and shorter turns: the intervals are wide")
	only := set.String("only", "", "comma-separated `sections`: "+strings.Join(sectionNames(), ", "))
	rounds := set.Int("rounds", 10, "turns of each server")
	duration := set.Duration("round", time.Second, "length of a turn, in whole seconds")
	write := set.Bool("write", false, "write each section that is measured into bench/README.md")
	compare := set.String("compare", "", "`revision` that this tree is compared with, in place of all sections")
	set.Parse(args)

	w, err := openWorkdir(*dir, *repo)
	if err != nil {
		return err
	}
	b := &benchmark{workdir: w, report: newReport(os.Stdout), rounds: *rounds, duration: *duration, quick: *quick}
	if b.quick {
		b.rounds = minRounds
	}
	if b.rounds < minRounds {
		return fmt.Errorf("-rounds %d is too few for a confidence interval: at least %d", b.rounds, minRounds)
	}
	if *write && (b.quick || *compare != "") {
		return errors.New("-write goes with neither -quick nor -compare")
	}
	chosen, err := chooseSections(*only, *compare)
	if err != nil {
		return err
	}
	err = untilInterrupted(func() error { return b.runSections(chosen, *write) })
	return errors.Join(err, b.report.verdict())
}

// untilInterrupted runs f, and returns early on a signal. The servers end with
// this process.
func untilInterrupted(f func() error) error {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case s := <-interrupted:
		return fmt.Errorf("interrupted by signal %q", s)
	}
}
