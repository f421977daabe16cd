package http1_test

import (
	"net/http"
	"testing"
)

func TestStrictness(t *testing.T) {
	for _, w := range corpus() {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			h := &echo{}
			o := sendRaw(t, start(t, h, true), w.raw)
			if seen := h.requests(); len(seen) != w.requests {
				t.Errorf("the handler saw %v, want %d requests", seen, w.requests)
			}
			if w.want == serve {
				if len(o.codes) != w.requests || o.codes[len(o.codes)-1] != http.StatusOK {
					t.Errorf("answered %v", o.codes)
				}
				return
			}
			if len(o.codes) != w.requests+1 || o.codes[w.requests] < 400 || !o.closed {
				t.Errorf("answered %v, closed %v, want one refusal and the end", o.codes, o.closed)
			}
		})
	}
}
