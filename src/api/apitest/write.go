package apitest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"foobar/src/api"
)

func (s *suite) testPutThatCreates(t *testing.T) {
	f := s.newFixture(t, usual)
	for _, want := range []int{201, 200} {
		resp := f.put(t, "x", func(r *api.Request) { r.Method = "PUT" })
		if resp.Status != want || string(resp.Body) != "ok" {
			t.Errorf("PUT: %d %q, want %d", resp.Status, resp.Body, want)
		}
	}
}

func (s *suite) testTooLarge(t *testing.T) {
	f := s.newFixture(t, usual)
	f.mustPut(t, "hello")
	for _, length := range []int64{1001, -1} {
		resp := f.put(t, strings.Repeat("x", 1001), func(r *api.Request) { r.ContentLength = length })
		if resp.Status != 413 || !resp.Close || !strings.Contains(string(resp.Body), "1000 bytes") {
			t.Errorf("Content-Length %d: %+v", length, resp)
		}
	}
	f.expect(t, "hello")
	for _, length := range []int64{1000, -1} {
		if resp := f.put(t, strings.Repeat("x", 1000), func(r *api.Request) { r.ContentLength = length }); resp.Status != 200 {
			t.Errorf("body of the largest size, Content-Length %d: %+v", length, resp)
		}
	}
	f.expect(t, strings.Repeat("x", 1000))
}

func (s *suite) testBodyOfUnknownLength(t *testing.T) {
	f := s.newFixture(t, api.Settings{State: 1 << 20, Uploads: 2 << 20})
	body := strings.Repeat("0123456789abcdef", 1<<15) // 512 KiB
	resp := f.put(t, "", func(r *api.Request) {
		r.Body, r.ContentLength = iotest.OneByteReader(strings.NewReader(body)), -1
	})
	if resp.Status != 200 {
		t.Fatalf("%+v", resp)
	}
	f.expect(t, body)
}

// testBodyThatDoesNotArrive leaves all of limits.uploads to the next upload.
func (s *suite) testBodyThatDoesNotArrive(t *testing.T) {
	const size = 16 << 10
	f := s.newFixture(t, api.Settings{State: size, Uploads: size})
	f.mustPut(t, "hello")
	for name, test := range map[string]struct {
		err    error
		status int
	}{
		"cut off": {io.ErrUnexpectedEOF, 400},
		"reset":   {errors.New("connection reset"), 400},
		"slow":    {os.ErrDeadlineExceeded, 408},
	} {
		for _, length := range []int64{size, -1} {
			resp := f.put(t, "", func(r *api.Request) {
				r.Body = io.MultiReader(strings.NewReader(strings.Repeat("x", size/2)), iotest.ErrReader(test.err))
				r.ContentLength = length
			})
			if resp.Status != test.status || !resp.Close {
				t.Errorf("%s, Content-Length %d: %d, close %v", name, length, resp.Status, resp.Close)
			}
		}
	}
	f.expect(t, "hello")
	f.mustPut(t, strings.Repeat("x", size))
}

// testContentOfAWrite sends what is not the whole state as it is to be stored.
func (s *suite) testContentOfAWrite(t *testing.T) {
	f := s.newFixture(t, usual)
	f.mustPut(t, "hello")
	for name, test := range map[string]struct {
		change func(*api.Request)
		status int
	}{
		"a part":              {func(r *api.Request) { r.ContentRange = field("bytes 0-0/1") }, 400},
		"compressed":          {func(r *api.Request) { r.ContentEncoding = field("gzip") }, 415},
		"no length":           {func(r *api.Request) { r.NoLength = true }, 411},
		"no length, HTTP/1.0": {func(r *api.Request) { r.NoLength, r.Protocol = true, "HTTP/1.0" }, 400},
	} {
		if resp := f.put(t, "x", test.change); resp.Status != test.status {
			t.Errorf("%s: %d %s, want %d", name, resp.Status, resp.Body, test.status)
		}
	}
	f.expect(t, "hello")
	if resp := f.put(t, "x", func(r *api.Request) { r.ContentEncoding = field("Identity") }); resp.Status != 200 {
		t.Errorf("Content-Encoding: Identity: %d", resp.Status)
	}
}

func (s *suite) testConditions(t *testing.T) {
	f := s.newFixture(t, usual)
	created := f.put(t, "a", func(r *api.Request) { api.AddField(r, "If-None-Match", "*") })
	if created.Status != 200 {
		t.Fatalf("create: %+v", created)
	}
	tag := created.ETag
	for _, test := range []struct {
		name   string
		change func(*api.Request)
		status int
	}{
		{"create again", func(r *api.Request) { api.AddField(r, "If-None-Match", "*") }, 412},
		{"swap another", func(r *api.Request) { api.AddField(r, "If-Match", `"x"`) }, 412},
		{"swap a weak tag", func(r *api.Request) { api.AddField(r, "If-Match", "W/"+tag) }, 412},
		{"swap nonsense", func(r *api.Request) { api.AddField(r, "If-Match", "x") }, 400},
		{"swap a space", func(r *api.Request) { api.AddField(r, "If-Match", `"x y"`) }, 400},
		{"swap half a tag", func(r *api.Request) { api.AddField(r, "If-Match", `"x", "y`) }, 400},
		{"swap any or this", func(r *api.Request) { api.AddField(r, "If-Match", "*, "+tag) }, 400},
		{"swap without a comma", func(r *api.Request) { api.AddField(r, "If-Match", `"x" `+tag) }, 400},
		{"swap nothing", func(r *api.Request) { api.AddField(r, "If-Match", "") }, 400},
		{"swap commas", func(r *api.Request) { api.AddField(r, "If-Match", " , ") }, 400},
		{"not nothing", func(r *api.Request) { api.AddField(r, "If-None-Match", "") }, 400},
		{"not one of 100", func(r *api.Request) { api.AddField(r, "If-None-Match", strings.Repeat(`"x",`, 99)+tag) }, 412},
		{"not one of 101", func(r *api.Request) { api.AddField(r, "If-None-Match", strings.Repeat(`"x",`, 100)+tag) }, 400},
		{"not this", func(r *api.Request) { api.AddField(r, "If-None-Match", "W/"+tag) }, 412},
		{"swap", func(r *api.Request) { api.AddField(r, "If-Match", `"x", `+tag) }, 200},
		{"swap the old", func(r *api.Request) { api.AddField(r, "If-Match", tag) }, 412},
		{"swap any", func(r *api.Request) { api.AddField(r, "If-Match", "*") }, 200},
	} {
		if resp := f.put(t, "b", test.change); resp.Status != test.status {
			t.Errorf("%s: %d, want %d", test.name, resp.Status, test.status)
		}
	}
}

// testConcurrentConditions lets clients increment a number by conditional writes. No
// increment may be lost.
func (s *suite) testConcurrentConditions(t *testing.T) {
	const clients, increments = 4, 5
	f := s.newFixture(t, usual)
	f.mustPut(t, "0")
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			for range increments {
				if err := f.increment(t); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	f.expect(t, strconv.Itoa(clients*increments))
}

// increment adds one to the state, and tries again where another client was first.
func (f *fixture) increment(t *testing.T) error {
	for range 1000 {
		before := f.get(t, api.Request{})
		n, err := strconv.Atoi(string(before.Body))
		if err != nil {
			return err
		}
		resp := f.put(t, strconv.Itoa(n+1), func(r *api.Request) { api.AddField(r, "If-Match", before.ETag) })
		switch resp.Status {
		case 200:
			return nil
		case 412:
		default:
			return fmt.Errorf("status %d: %s", resp.Status, resp.Body)
		}
	}
	return errors.New("another client was first 1000 times")
}
