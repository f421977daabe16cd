package main

import (
	"strings"
	"testing"

	"foobar/plot"
)

func TestSpread(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   spread
	}{
		{[]float64{7}, spread{7, 7, 7}},
		{[]float64{9, 1, 5}, spread{5, 1, 9}},
		{[]float64{4, 8, 1, 2}, spread{3, 1, 8}},
	} {
		if got := spreadOf(test.values); got != test.want {
			t.Errorf("%v: %v, want %v", test.values, got, test.want)
		}
	}
}

func TestRatioIsRoundByRound(t *testing.T) {
	// The machine was twice as fast in the second round, and a always twice b.
	a, b := []sample{{rate: 200}, {rate: 400}}, []sample{{rate: 100}, {rate: 200}}
	if got, want := ratio(a, b, rate), (spread{2, 2, 2}); got != want {
		t.Errorf("ratio %v, want %v", got, want)
	}
}

func TestVerdict(t *testing.T) {
	for _, test := range []struct {
		measured float64
		met      bool
		says     string
	}{{4.1, true, "bar met"}, {4, true, "bar met"}, {3.9, false, "bar missed"}} {
		var out strings.Builder
		r := &report{out: &out, plots: map[string][]plot.Chart{}}
		r.hold("one to another", 4, spread{test.measured, 1, 9})
		if met := r.verdict(); met != test.met || !strings.Contains(out.String(), test.says) {
			t.Errorf("%g of 4: %t, and it says\n%s", test.measured, met, out.String())
		}
	}
}
