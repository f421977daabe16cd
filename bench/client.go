package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"foobar/bench/load"
)

// connections is the number of keep-alive connections of a comparison.
const connections = 50

// A client sends requests to a server for a while and returns how many were
// answered per second, and how many in all.
type client interface {
	run(s *server, d time.Duration) (perSecond, requests float64, err error)
}

// wrk sends GETs over HTTP/1.1, for whole seconds.
type wrk struct{ size int }

func (w wrk) run(s *server, d time.Duration) (float64, float64, error) {
	out, err := s.runTool("wrk", "-t1", fmt.Sprint("-c", connections), fmt.Sprintf("-d%d", max(1, int(d.Seconds()))), s.url(w.size))
	if err != nil {
		return 0, 0, err
	}
	if regexp.MustCompile(`Non-2xx|Socket errors`).MatchString(out) {
		return 0, 0, errors.New("wrk reports errors:\n" + out)
	}
	return parseNumbers(out, `Requests/sec:\s+([\d.]+)`, `(\d+) requests in`)
}

// h2load sends GETs over HTTP/2, one at a time on each connection. It offers
// "h2" alone: foobar prefers HTTP/1.1 where a client offers both. It is given a
// number of requests, as it hangs now and then when it is given a duration.
type h2load struct{ size int }

func (h h2load) run(s *server, d time.Duration) (float64, float64, error) {
	const probe = 1000 // shows how many requests fill the time
	pace, _, err := h.send(s, probe)
	if err != nil {
		return 0, 0, err
	}
	perSecond, requests, err := h.send(s, probe+int(pace*d.Seconds()))
	return perSecond, probe + requests, err
}

func (h h2load) send(s *server, n int) (float64, float64, error) {
	out, err := s.runTool("h2load", "-t1", fmt.Sprint("-c", connections), "-m1", fmt.Sprint("-n", n), "--alpn-list=h2", s.url(h.size))
	if err != nil {
		return 0, 0, err
	}
	if !regexp.MustCompile(`Cipher: TLS_AES_128_GCM_SHA256\n(.*\n)*Application protocol: h2\n(.*\n)*.* 0 failed, 0 errored`).MatchString(out) {
		return 0, 0, errors.New("h2load reports errors, or another cipher or protocol:\n" + out)
	}
	return parseNumbers(out, `, ([\d.]+) req/s`, `status codes: (\d+) 2xx`)
}

// writers send a body of some bytes each over HTTP/1.1, and the next one when
// that is answered. wrk would have to build the bodies, all different, in Lua.
type writers struct{ n, size int }

func (w writers) run(s *server, d time.Duration) (float64, float64, error) {
	pool, err := load.Open(s.target(), w.n, s.path(w.size))
	if err != nil {
		return 0, 0, err
	}
	defer pool.Close()
	result, err := pool.Run(d, load.Writes(w.n, s.write.method, s.write.path, s.write.token, w.size))
	if err != nil {
		return 0, 0, err
	}
	return result.Rate(), float64(result.Requests()), nil
}

// redisWriters sets one key over and over with redis-benchmark.
type redisWriters struct{ n, size int }

func (r redisWriters) run(s *server, d time.Duration) (float64, float64, error) {
	const probe = 500
	pace, _, err := r.send(s, probe)
	if err != nil {
		return 0, 0, err
	}
	perSecond, requests, err := r.send(s, probe+int(pace*d.Seconds()))
	return perSecond, probe + requests, err
}

func (r redisWriters) send(s *server, n int) (float64, float64, error) {
	host, port := splitAddress(s.address)
	out, err := s.runTool("redis-benchmark", "--tls", "--insecure", "-h", host, "-p", port, "-t", "set",
		"-c", strconv.Itoa(r.n), "-d", strconv.Itoa(r.size), "-n", strconv.Itoa(n), "--csv")
	if err != nil {
		return 0, 0, err
	}
	perSecond, _, err := parseNumbers(out, `"SET","([\d.]+)"`, `"SET","([\d.]+)"`)
	return perSecond, float64(n), err
}

// postgresWriters update one row with pgbench. The time of pgbench begins before its
// connections are open, which takes a second on a busy machine; its rate does not count
// that.
type postgresWriters struct{ n, size int }

func (p postgresWriters) run(s *server, d time.Duration) (float64, float64, error) {
	script := filepath.Join(s.workdir.path, "update.sql")
	const digest = 32 // characters of md5(text)
	text := fmt.Sprintf("\\set r random(1, 1000000000)\nUPDATE state SET body = repeat(md5(:r::text), %d) WHERE id = 1;\n", p.size/digest)
	if err := os.WriteFile(script, []byte(text), 0o644); err != nil {
		return 0, 0, err
	}
	out, err := s.runTool(append([]string{postgresBin + "pgbench", "-n", "-M", "prepared", "-f", script, "-j", "1",
		"-c", strconv.Itoa(p.n), "-T", fmt.Sprint(max(3, int(d.Seconds())))}, postgresTarget(s)...)...)
	if err != nil {
		return 0, 0, err
	}
	return parseNumbers(out, `tps = ([\d.]+)`, `actually processed: (\d+)`)
}

// runTool runs a load generator of Debian's package where it can reach s, for
// at most a minute.
func (s *server) runTool(args ...string) (string, error) {
	args = s.workdir.inRoot(newest, args...)
	if s.netns != "" {
		args = append([]string{"nsenter", "--net=" + s.netns}, args...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	// The suite of the comparison is the only one that OpenSSL's clients offer.
	cmd.Env = append(os.Environ(), "OPENSSL_CONF="+filepath.Join(s.workdir.path, "openssl.cnf"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%v: %w\n%s", args, err, out)
	}
	return string(out), nil
}

// splitAddress splits an address that this program made.
func splitAddress(address string) (host, port string) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		panic(err)
	}
	return host, port
}

// parseNumbers returns the numbers that two patterns capture.
func parseNumbers(out, first, second string) (float64, float64, error) {
	var found [2]float64
	for i, pattern := range []string{first, second} {
		match := regexp.MustCompile(pattern).FindStringSubmatch(out)
		if match == nil {
			return 0, 0, fmt.Errorf("%s matches nothing in:\n%s", pattern, out)
		}
		var err error
		if found[i], err = strconv.ParseFloat(match[1], 64); err != nil {
			return 0, 0, err
		}
	}
	return found[0], found[1], nil
}
