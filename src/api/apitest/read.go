package apitest

import (
	"strings"
	"testing"

	"foobar/src/api"
)

func (s *suite) testStoreAndRead(t *testing.T) {
	f := s.newFixture(t, usual)
	if resp := f.get(t, api.Request{}); resp.Status != 404 || !strings.Contains(string(resp.Body), "no state has been stored yet") {
		t.Errorf("before the first write: %d %q", resp.Status, resp.Body)
	}
	tag := f.mustPut(t, "hello")
	resp := f.get(t, api.Request{})
	if resp.Status != 200 || string(resp.Body) != "hello" || resp.ETag != tag || tag == "" || resp.ContentType != "application/octet-stream" {
		t.Errorf("GET answers %+v", resp)
	}
	if resp := f.get(t, api.Request{Method: "HEAD"}); resp.Status != 200 || len(resp.Body) != 5 {
		t.Errorf("HEAD answers %+v", resp)
	}
	if resp := f.put(t, "there", func(r *api.Request) { r.Method = "PUT" }); resp.Status != 200 {
		t.Errorf("PUT answers %+v", resp)
	}
	f.expect(t, "there")
	if again := f.mustPut(t, "hello"); again != tag {
		t.Errorf("the entity tag of the same state is %s, and was %s", again, tag)
	}
}

func (s *suite) testConditionalAndPartialReads(t *testing.T) {
	f := s.newFixture(t, usual)
	tag := f.mustPut(t, "0123456789")
	for _, test := range []struct {
		name         string
		r            api.Request
		status       int
		body         string
		contentRange string
	}{
		{"same", api.Request{IfNoneMatch: field(tag)}, 304, "", ""},
		{"same, weak", api.Request{IfNoneMatch: field(`"x",W/` + tag)}, 304, "", ""},
		{"any", api.Request{IfNoneMatch: field("*")}, 304, "", ""},
		{"one of 100", api.Request{IfNoneMatch: field(strings.Repeat(`"x",`, 99) + tag)}, 304, "", ""},
		{"one of 101", api.Request{IfNoneMatch: field(strings.Repeat(`"x",`, 100) + tag)}, 200, "0123456789", ""},
		{"other", api.Request{IfNoneMatch: field(`"x"`)}, 200, "0123456789", ""},
		{"nothing", api.Request{IfNoneMatch: field("")}, 200, "0123456789", ""},
		{"malformed", api.Request{IfNoneMatch: field("x")}, 200, "0123456789", ""},
		{"must be nothing", api.Request{IfMatch: field("")}, 412, "", ""},
		{"must be", api.Request{IfMatch: field(tag)}, 200, "0123456789", ""},
		{"must be another", api.Request{IfMatch: field(`"x"`)}, 412, "", ""},
		{"first two", api.Request{Range: field("bytes=0-1")}, 206, "01", "bytes 0-1/10"},
		{"from", api.Request{Range: field("bytes=8-")}, 206, "89", "bytes 8-9/10"},
		{"last", api.Request{Range: field("bytes=-3")}, 206, "789", "bytes 7-9/10"},
		{"longer than all", api.Request{Range: field("bytes=5-100")}, 206, "56789", "bytes 5-9/10"},
		{"last more than all", api.Request{Range: field("bytes=-100")}, 206, "0123456789", "bytes 0-9/10"},
		{"outside", api.Request{Range: field("bytes=10-")}, 416, "", "bytes */10"},
		{"last none", api.Request{Range: field("bytes=-0")}, 416, "", "bytes */10"},
		{"two", api.Request{Range: field("bytes=0-1,4-5")}, 200, "0123456789", ""},
		{"reversed", api.Request{Range: field("bytes=3-2")}, 200, "0123456789", ""},
		{"other unit", api.Request{Range: field("lines=0-1")}, 200, "0123456789", ""},
		{"signs", api.Request{Range: field("bytes=+0-1")}, 200, "0123456789", ""},
		{"head", api.Request{Method: "HEAD", Range: field("bytes=0-1")}, 200, "0123456789", ""},
		{"if unchanged", api.Request{Range: field("bytes=0-1"), IfRange: field(tag)}, 206, "01", "bytes 0-1/10"},
		{"if changed", api.Request{Range: field("bytes=0-1"), IfRange: field(`"x"`)}, 200, "0123456789", ""},
	} {
		resp := f.get(t, test.r)
		if resp.Status != test.status || resp.ContentRange != test.contentRange {
			t.Errorf("%s: %d, Content-Range %q", test.name, resp.Status, resp.ContentRange)
		}
		if resp.Status < 300 && string(resp.Body) != test.body {
			t.Errorf("%s: body %q", test.name, resp.Body)
		}
	}
}

// testEmptyIfRange sends an If-Range that names no version: the range is ignored.
func (s *suite) testEmptyIfRange(t *testing.T) {
	f := s.newFixture(t, usual)
	f.mustPut(t, "hello")
	r := api.Request{Range: field("bytes=0-1")}
	if err := api.AddField(&r, "If-Range", ""); err != nil {
		t.Fatal(err)
	}
	if resp := f.get(t, r); resp.Status != 200 {
		t.Errorf("%d %s", resp.Status, resp.ContentRange)
	}
}

// testRangeOfAnEmptyState sends a Range for an empty state, as some clients always do. They
// must get the state.
func (s *suite) testRangeOfAnEmptyState(t *testing.T) {
	f := s.newFixture(t, usual)
	f.mustPut(t, "")
	for _, header := range []string{"bytes=0-", "bytes=0-0", "bytes=-5", "bytes=5-"} {
		if resp := f.get(t, api.Request{Range: field(header)}); resp.Status != 200 || resp.ContentRange != "" || len(resp.Body) != 0 {
			t.Errorf("%s: %+v", header, resp)
		}
	}
}

// maxCopied is the largest body, in bytes, that does not keep its version in memory.
const maxCopied = 16 << 10

// testVersionsInMemory reads versions whose responses are not sent to their end.
func (s *suite) testVersionsInMemory(t *testing.T) {
	// With what a store keeps in front of the state, this is below the largest state: a
	// buffer of 32 KiB and a few bytes takes 40 KiB, of which only three fit.
	const size = 2*maxCopied - 128
	f := s.newFixture(t, api.Settings{State: 2 * maxCopied, Uploads: 4 * maxCopied})
	var done []func()
	for i := range api.MaxVersions {
		f.mustPut(t, strings.Repeat(string(rune('a'+i)), size))
		for range 2 { // the second reads the same version
			resp := f.get(t, api.Request{})
			if resp.Status != 200 || resp.Done == nil || f.Versions() != i+1 {
				t.Fatalf("version %d: %d, %d versions", i, resp.Status, f.Versions())
			}
			done = append(done, resp.Done)
		}
	}
	f.mustPut(t, strings.Repeat("z", size))
	if resp := f.get(t, api.Request{}); resp.Status != 503 || resp.RetryAfter == "" {
		t.Errorf("a version too many: %d", resp.Status)
	}
	for _, end := range done {
		end()
	}
	if resp := f.get(t, api.Request{}); resp.Status != 200 || f.Versions() != 1 {
		t.Errorf("after all responses: %d, %d versions", resp.Status, f.Versions())
	}
}

// testSmallBodies checks that a range keeps no version in memory, and that HEAD does
// not.
func (s *suite) testSmallBodies(t *testing.T) {
	f := s.newFixture(t, api.Settings{State: 4 * maxCopied, Uploads: 8 * maxCopied})
	f.mustPut(t, strings.Repeat("x", 4*maxCopied))
	resp := f.get(t, api.Request{Range: field("bytes=0-16383")})
	if len(resp.Body) != maxCopied || cap(resp.Body) > 2*maxCopied || resp.Done != nil {
		t.Errorf("a range of %d bytes keeps %d", len(resp.Body), cap(resp.Body))
	}
	if resp := f.get(t, api.Request{Range: field("bytes=0-16384")}); resp.Status != 206 || resp.Done == nil || f.Versions() != 1 {
		t.Errorf("a larger range: %d, %d versions", resp.Status, f.Versions())
	}
	if resp := f.get(t, api.Request{Method: "HEAD"}); resp.Done != nil {
		t.Error("HEAD counts as reading")
	}
}
