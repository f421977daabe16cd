package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"foobar/bench/load"
)

// connections is how many keep-alive connections a comparison has.
const connections = 50

// A client puts load on a server for a while and returns how many requests were
// answered per second, and how many in all.
type client interface {
	run(s *server, d time.Duration) (perSecond, requests float64, err error)
}

// wrk sends GETs over HTTP/1.1, for whole seconds.
type wrk struct{ size int }

func (w wrk) run(s *server, d time.Duration) (float64, float64, error) {
	out, err := s.tool("wrk", "-t1", fmt.Sprint("-c", connections), fmt.Sprintf("-d%d", max(1, int(d.Seconds()))), s.url(w.size))
	if err != nil {
		return 0, 0, err
	}
	if regexp.MustCompile(`Non-2xx|Socket errors`).MatchString(out) {
		return 0, 0, fmt.Errorf("%s: wrk saw errors:\n%s", s.name, out)
	}
	return numbers(out, `Requests/sec:\s+([\d.]+)`, `(\d+) requests in`)
}

// h2load sends GETs over HTTP/2, one at a time on each connection. It is given
// a number of requests: with a duration it hangs now and then.
type h2load struct{ size int }

func (h h2load) run(s *server, d time.Duration) (float64, float64, error) {
	const few = 2000 // to learn how many fill the time
	pace, _, err := h.send(s, few)
	if err != nil {
		return 0, 0, err
	}
	perSecond, requests, err := h.send(s, few+int(pace*d.Seconds()))
	return perSecond, few + requests, err
}

func (h h2load) send(s *server, n int) (float64, float64, error) {
	out, err := s.tool("h2load", "-t1", fmt.Sprint("-c", connections), "-m1", fmt.Sprint("-n", n), s.url(h.size))
	if err != nil {
		return 0, 0, err
	}
	if !regexp.MustCompile(`Cipher: TLS_AES_128_GCM_SHA256\n(.*\n)*Application protocol: h2\n(.*\n)*.* 0 failed, 0 errored`).MatchString(out) {
		return 0, 0, fmt.Errorf("%s: h2load saw errors, or not what is compared:\n%s", s.name, out)
	}
	return numbers(out, `, ([\d.]+) req/s`, `status codes: (\d+) 2xx`)
}

// writers send a number of bytes each, and the next when that is answered. wrk
// has one thread's worth of them too, but formats each request, as bodies must
// differ, in Lua, and its clock runs while it connects.
type writers struct{ n, size int }

func (w writers) run(s *server, d time.Duration) (float64, float64, error) {
	pool, err := load.Open(s.target(), w.n, s.path(w.size))
	if err != nil {
		return 0, 0, err
	}
	defer pool.Close()
	result, err := pool.Run(d, load.Writes(w.n, s.write.method, s.write.path, s.write.token, w.size))
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %w", s.name, err)
	}
	return result.Rate(), float64(result.Requests()), nil
}

// tool runs a load generator where it can reach s, for a minute at most.
func (s *server) tool(args ...string) (string, error) {
	if s.netns != "" {
		args = append([]string{"nsenter", "--net=" + s.netns}, args...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	// The suite of the comparison is all that OpenSSL's clients offer.
	cmd.Env = append(os.Environ(), "OPENSSL_CONF="+s.openssl)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%v: %w\n%s", args, err, out)
	}
	return string(out), nil
}

// numbers finds what two patterns capture.
func numbers(out, first, second string) (float64, float64, error) {
	var found [2]float64
	for i, pattern := range []string{first, second} {
		match := regexp.MustCompile(pattern).FindStringSubmatch(out)
		if match == nil {
			return 0, 0, errors.New("no number in:\n" + out)
		}
		var err error
		if found[i], err = strconv.ParseFloat(match[1], 64); err != nil {
			return 0, 0, err
		}
	}
	return found[0], found[1], nil
}
