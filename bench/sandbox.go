package main

import (
	"slices"
	"strings"
	"time"
)

const (
	unit    = "foobar.service"
	outside = "foobar-outside.service"
)

// sandbox compares the service in its unit with the same binary on the same
// machine outside of the sandbox.
func (b *benchmark) sandbox() error {
	m, err := b.workdir.boot()
	if err != nil {
		return err
	}
	defer m.stop()
	servers, err := b.startInsideAndOutside(m)
	if err != nil {
		return err
	}
	b.report.title("What the sandbox costs")
	b.report.paragraph("The service in its unit on a booted machine (systemd-nspawn), and the same binary on that machine as root with no sandbox.")
	var rows [][]string
	for _, name := range []string{"get-1k", "post"} {
		all := workloads()
		w := all[slices.IndexFunc(all, func(w workload) bool { return w.name == name })]
		// Many short turns: the difference is smaller than what the machine does
		// in the time of few long ones.
		samples, err := interleave(servers, w.clientOf, 3*b.rounds, time.Second)
		if err != nil {
			return err
		}
		for i, place := range []string{"in its unit", "outside"} {
			rows = append(rows, []string{w.title + ", " + place,
				summarize(figures(samples[i], cost)).format("%.1f"), summarizeRatio(samples[i], samples[1], cost).format("%.3f"),
				summarize(figures(samples[i], rate)).format("%.0f")})
		}
		b.report.addTarget(target{w.title + ": CPU per request, outside to in the unit", 0.98, summarizeRatio(samples[1], samples[0], cost), 0})
	}
	b.report.table([]string{"", "µs of CPU per request", "to outside", "requests/s"}, rows)
	return nil
}

func (b *benchmark) startInsideAndOutside(m *machine) ([]*server, error) {
	if err := m.pin(); err != nil {
		return nil, err
	}
	if err := m.exec(nil, "systemctl", "start", unit); err != nil {
		return nil, err
	}
	inside, err := m.server(b.workdir, unit, "127.0.0.1:8080")
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
	out, err := m.server(b.workdir, outside, "127.0.0.1:9080")
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
