package main

import (
	"fmt"
	"strings"
	"time"
)

const (
	unit    = "foobar.service"
	outside = "foobar-outside.service"
)

// sandbox compares the service in its unit with the same binary on the same
// machine outside of any.
func (b *bench) sandbox() error {
	m, err := b.place.boot()
	if err != nil {
		return err
	}
	defer m.stop()
	servers, err := b.inAndOut(m)
	if err != nil {
		return err
	}
	b.report.section("What the sandbox costs")
	b.report.paragraph("The service in its unit on a booted machine (systemd-nspawn), and the same binary on that machine as root with no sandbox.")
	var rows [][]string
	all := workloads()
	for _, w := range []workload{all[0], all[3]} {
		// Short rounds in turn: a difference of 2 % is less than what a machine
		// does in the time of long ones.
		samples, err := interleave(servers, w.client, b.sandboxRounds(), time.Second)
		if err != nil {
			return err
		}
		for i, name := range []string{"in its unit", "outside"} {
			rows = append(rows, []string{w.title + ", " + name, spreadOf(each(samples[i], rate)).format("%.0f"),
				ratio(samples[i], samples[1], rate).format("%.3f"),
				fmt.Sprintf("%.1f", spreadOf(each(samples[i], cost)).median), ratio(samples[i], samples[1], cost).format("%.3f")})
		}
		b.report.hold(w.title+", in its unit to outside", 0.98, ratio(samples[0], samples[1], rate))
	}
	b.report.table([]string{"", "requests/s", "to outside", "µs of CPU per request", "to outside"}, rows)
	return nil
}

func (b *bench) sandboxRounds() int {
	if b.quick {
		return 5
	}
	return 3 * b.rounds
}

func (b *bench) inAndOut(m *machine) ([]*server, error) {
	if err := m.pin(); err != nil {
		return nil, err
	}
	if err := m.exec(nil, "systemctl", "start", unit); err != nil {
		return nil, err
	}
	inside, err := m.server(b.place, unit, "127.0.0.1:8080")
	if err != nil {
		return nil, err
	}
	if err := m.exec(strings.NewReader(`
mkdir /var/lib/foobar-outside
cd /etc/foobar/credentials
systemd-run --quiet --unit=`+outside+` --property=CPUAffinity=`+serverCore+` --setenv=GOMAXPROCS=1 \
	/usr/bin/foobar -config /etc/foobar/conf.yaml -data /var/lib/foobar-outside -cert $PWD/cert -key $PWD/key -token $PWD/token \
	-listen :9080 -metrics-listen 127.0.0.1:9081 -admin-listen /run/foobar-outside.sock
`), "bash", "-e"); err != nil {
		return nil, err
	}
	out, err := m.server(b.place, outside, "127.0.0.1:9080")
	if err != nil {
		return nil, err
	}
	for _, s := range []*server{inside, out} {
		if err := s.serve(kib); err != nil {
			return nil, err
		}
	}
	return []*server{inside, out}, nil
}
