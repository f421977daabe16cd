package main

import (
	"errors"
	"testing"
	"time"
)

func TestClosedLoop(t *testing.T) {
	calls := make([]int, 3)
	rate, total, err := closedLoop(len(calls), 10*time.Millisecond, func(client int) func() error {
		return func() error { calls[client]++; return nil }
	})
	if want := float64(calls[0] + calls[1] + calls[2]); err != nil || total != want || rate <= 0 || rate > want/0.01 {
		t.Errorf("%v a second, %v of %v calls, error %v", rate, total, calls, err)
	}
	failure := errors.New("failure")
	if _, _, err := closedLoop(2, time.Hour, func(int) func() error { return func() error { return failure } }); !errors.Is(err, failure) {
		t.Errorf("error %v", err)
	}
}
