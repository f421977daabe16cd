package main

import (
	"fmt"
	"time"

	"foobar/bench/load"
)

// start measures from `systemctl start` to the first answered request.
func (b *bench) start() error {
	m, err := b.place.boot()
	if err != nil {
		return err
	}
	defer m.stop()
	// The first start makes the credentials.
	if err := m.exec(nil, "systemctl", "start", unit); err != nil {
		return err
	}
	s, err := m.server(b.place, unit, "127.0.0.1:8080")
	if err != nil {
		return err
	}
	if err := s.serve(kib); err != nil {
		return err
	}
	var times []float64
	for range 4*b.rounds + 1 {
		took, err := startOnce(m, s)
		if err != nil {
			return err
		}
		times = append(times, float64(took.Microseconds())/1000)
	}
	b.report.section("Start")
	b.report.paragraph("From `systemctl start foobar` to the first answered GET, on a booted machine, %d times: **%s ms**.",
		len(times), spreadOf(times).format("%.0f"))
	return nil
}

func startOnce(m *machine, s *server) (time.Duration, error) {
	if err := m.exec(nil, "systemctl", "stop", unit); err != nil {
		return 0, err
	}
	begin := time.Now()
	systemctl := m.command("systemctl", "start", unit)
	if err := systemctl.Start(); err != nil {
		return 0, err
	}
	for {
		err := getOnce(s)
		if err == nil {
			break
		}
		if time.Since(begin) > 30*time.Second {
			return 0, fmt.Errorf("no answer after the start: %w", err)
		}
		time.Sleep(500 * time.Microsecond)
	}
	took := time.Since(begin)
	if err := systemctl.Wait(); err != nil {
		return 0, fmt.Errorf("systemctl start: %w", err)
	}
	return took, nil
}

func getOnce(s *server) error {
	c, err := s.target().Connect()
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Exchange(load.Get(s.path(kib)))
	return err
}
