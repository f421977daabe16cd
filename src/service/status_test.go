package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"foobar/src/api"
	"foobar/src/listen"
	"foobar/src/request"
)

// A quietListener has no connections. Waiting for one is durable in the sense of
// testing/synctest, which a network listener's is not.
type quietListener struct {
	open  context.Context
	close context.CancelFunc
}

func newQuietListener() quietListener {
	open, close := context.WithCancel(context.Background())
	return quietListener{open, close}
}

func (l quietListener) Accept() (net.Conn, error) {
	<-l.open.Done()
	return nil, net.ErrClosed
}

func (l quietListener) Close() error { l.close(); return nil }

func (l quietListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443} }

// clocked calls f in a bubble of testing/synctest, where a service runs that has
// no connections and writes its notifications to a file. The function that f
// gets returns what the service has sent since the last call.
func clocked(t *testing.T, change func(*instance), f func(*testing.T, *Service, func() string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		i := newInstance(t, "")
		if change != nil {
			change(i)
		}
		notifications := must[*os.File](t)(os.Create(filepath.Join(t.TempDir(), "notifications")))
		o := i.options()
		o.Listen = func() (*listen.Sockets, error) {
			return &listen.Sockets{HTTPS: []net.Listener{newQuietListener()}, Notify: notifications}, nil
		}
		s := must[*Service](t)(Open(o))
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx, nil) }()
		defer func() {
			stop()
			if err := errors.Join(<-ended, s.Close()); err != nil {
				t.Error(err)
			}
		}()
		read := 0
		f(t, s, func() string {
			synctest.Wait()
			text := string(must[[]byte](t)(os.ReadFile(notifications.Name())))
			defer func() { read = len(text) }()
			return text[read:]
		})
	})
}

func TestStatusFollowsAWrite(t *testing.T) {
	clocked(t, nil, func(t *testing.T, s *Service, sent func() string) {
		if got := sent(); !strings.HasPrefix(got, "READY=1\nSTATUS=Serving HTTPS on 192.0.2.1:443: no state stored yet; certificate valid until ") {
			t.Errorf("ready with %q", got)
		}
		for _, body := range []string{"hello", "hello, world"} {
			for range 3 {
				resp := s.content.api.Serve(t.Context(), &api.Request{Method: "PUT", Path: "/", Client: request.Client{Trusted: true}, Body: strings.NewReader(body), ContentLength: int64(len(body))})
				if resp.Status >= 300 {
					t.Fatalf("status %d", resp.Status)
				}
				time.Sleep(statusDebounce / 4)
				if got := sent(); got != "" {
					t.Errorf("before the debounce has passed: %q", got)
				}
			}
			time.Sleep(statusDebounce / 4)
			got := sent()
			if !strings.HasPrefix(got, "STATUS=") || strings.Count(got, "STATUS=") != 1 || !strings.Contains(got, fmt.Sprintf("state of %d bytes", len(body))) {
				t.Errorf("after three writes of %q: %q", body, got)
			}
		}
	})
}

func TestWatchdogIsNotified(t *testing.T) {
	for usec, interval := range map[string]time.Duration{"": statusInterval, "3000000": time.Second, "300000000": statusInterval} {
		clocked(t, func(i *instance) { i.env["WATCHDOG_USEC"] = usec }, func(t *testing.T, s *Service, sent func() string) {
			sent()
			for range 3 {
				time.Sleep(interval - time.Millisecond)
				if got := sent(); got != "" {
					t.Errorf("WATCHDOG_USEC=%s: too early: %q", usec, got)
				}
				time.Sleep(time.Millisecond)
				if got := sent(); !strings.HasPrefix(got, "WATCHDOG=1\nSTATUS=Serving HTTPS") || strings.Count(got, "WATCHDOG") != 1 {
					t.Errorf("WATCHDOG_USEC=%s: %q", usec, got)
				}
			}
		})
	}
}

func TestExpiryIsShownAndLogged(t *testing.T) {
	for _, test := range []struct {
		left        time.Duration
		status, log string
	}{
		{30 * 24 * time.Hour, "; certificate valid until ", ""},
		{20*24*time.Hour + time.Hour, "CERTIFICATE EXPIRES IN 20 DAYS, ", "the certificate expires soon"},
		{30*time.Hour + time.Minute, "CERTIFICATE EXPIRES IN 30 HOURS, ", "the certificate expires soon"},
		{-time.Hour, "CERTIFICATE EXPIRED ", "the certificate has expired"},
	} {
		var in *instance
		clocked(t, func(i *instance) { i.makeCertificate(time.Now().Add(test.left)); in = i }, func(t *testing.T, s *Service, sent func() string) {
			if got := sent(); !strings.Contains(got, test.status) {
				t.Errorf("%v left: %q", test.left, got)
			}
			if log := in.log(); test.log == "" && strings.Contains(log, "expire") || !strings.Contains(log, test.log) {
				t.Errorf("%v left: the log is\n%s", test.left, log)
			}
		})
	}
}

func TestExpiryIsLoggedOnceADay(t *testing.T) {
	var in *instance
	clocked(t, func(i *instance) { i.makeCertificate(time.Now().Add(36 * time.Hour)); in = i }, func(t *testing.T, s *Service, sent func() string) {
		for day, want := range []string{"the certificate expires soon", "the certificate expires soon", "the certificate has expired"} {
			time.Sleep(time.Minute)
			sent()
			if got := strings.Count(in.log(), "the certificate "); got != day+1 || !strings.Contains(in.log(), want) {
				t.Errorf("day %d: %d entries in\n%s", day, got, in.log())
			}
			time.Sleep(24*time.Hour - time.Minute)
		}
	})
}
