package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"foobar/bench/load"
)

// A oneWriter sends bodies of size bytes over one connection, the next one when the
// last one is answered. It waits for the disk most of the time.
type oneWriter struct{ size int }

func (o oneWriter) run(s *server, d time.Duration) (float64, float64, error) {
	c, write, err := o.connect(s)
	if err != nil {
		return 0, 0, err
	}
	defer c.Close()
	return closedLoop(1, d, func(int) func() error { return write })
}

// connect returns a connection and a function that makes one write over it.
func (o oneWriter) connect(s *server) (*load.Conn, func() error, error) {
	c, err := s.target().Connect()
	if err != nil {
		return nil, nil, err
	}
	next := load.Writes(1, s.write.method, s.write.path, s.write.token, o.size)
	return c, func() error {
		_, err := c.Exchange(next(0))
		return err
	}, nil
}

// alternatingTurn is the length of a turn of a server that alternates with others.
const alternatingTurn = 20 * time.Millisecond

// An alternatingServer has many short turns in the place of a long one.
type alternatingServer struct {
	*server
	client   oneWriter
	sample   *sample // of all turns together
	conn     *load.Conn
	write    func() error
	used     usage
	requests float64
	elapsed  float64 // seconds in which requests were sent
}

// alternate gives the servers turns of alternatingTurn, one after the other, until each
// has had d. The speed of a disk changes within a second: with longer turns, each server
// would have another disk.
func alternate(servers []*alternatingServer, d time.Duration) error {
	for _, s := range servers {
		var err error
		if s.conn, s.write, err = s.client.connect(s.server); err != nil {
			return err
		}
		defer s.conn.Close()
	}
	order := slices.Clone(servers)
	for range d / alternatingTurn {
		for _, s := range order {
			if err := s.takeTurn(); err != nil {
				return fmt.Errorf("%s: %w", s.name, errors.Join(err, s.check()))
			}
		}
		slices.Reverse(order) // so that no server always follows the same one
	}
	for _, s := range servers {
		*s.sample = sampleOf(s.used, s.requests/s.elapsed, s.requests)
	}
	return nil
}

func (s *alternatingServer) takeTurn() error {
	before, err := readClocks(s.server)
	if err != nil {
		return err
	}
	rate, requests, err := closedLoop(1, alternatingTurn, func(int) func() error { return s.write })
	if err != nil {
		return err
	}
	after, err := readClocks(s.server)
	s.used = s.used.plus(after.since(before))
	s.requests += requests
	s.elapsed += requests / rate
	return err
}
