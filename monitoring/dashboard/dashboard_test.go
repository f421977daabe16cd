package dashboard

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestExpand(t *testing.T) {
	v := &View{values: map[string]string{"job": "foobar", "instance": anyOf([]string{"127.0.0.1:8081", "[::1]:1"}), "__rate_interval": (4 * time.Second).String()}}
	got, err := v.Expand(`rate(x{job="$job", instance=~"${instance}"}[$__rate_interval])`)
	if want := `rate(x{job="foobar", instance=~"(127\\.0\\.0\\.1:8081|\\[::1\\]:1)"}[4s])`; got != want || err != nil {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := v.Expand(`$job $other`); err == nil || !strings.Contains(err.Error(), "other") {
		t.Errorf("an unknown variable: %v", err)
	}
}

func TestSample(t *testing.T) {
	var s []sample
	if err := json.Unmarshal([]byte(`[[1.5, "2"], [2, "+Inf"]]`), &s); err != nil || s[0] != (sample{1.5, 2}) || s[1].value <= 1e300 {
		t.Errorf("%v, %v", s, err)
	}
}

func TestFormat(t *testing.T) {
	for _, c := range []struct {
		unit  string
		value float64
		want  string
	}{
		{"bytes", 16 << 20, "16 MiB"}, {"bytes", 0, "0 B"}, {"Bps", 1500, "1.5 kB/s"}, {"percentunit", 0.123, "12.3 %"},
		{"s", 0.0025, "2.5 ms"}, {"s", 0.0001, "100 µs"}, {"s", 0, "0 s"}, {"s", 90, "1.5 min"}, {"s", 90 * 86400, "90 days"}, {"s", 86400, "24 hours"},
		{"reqps", 999.9, "1000 /s"}, {"none", 12345, "12345"},
	} {
		var p Panel
		p.FieldConfig.Defaults.Unit = c.unit
		if got := p.format(c.value); got != c.want {
			t.Errorf("%g in %s is %q, want %q", c.value, c.unit, got, c.want)
		}
	}
	var p Panel
	p.FieldConfig.Defaults.Mappings = []Mapping{{map[string]struct{ Text string }{"1": {"up"}}}}
	if got := p.format(1); got != "up" {
		t.Errorf("the mapped value is %q", got)
	}
}

func TestColourIsOfTheHighestThreshold(t *testing.T) {
	day := 86400.0
	var p Panel
	p.FieldConfig.Defaults.Thresholds.Steps = []Threshold{{"red", nil}, {"green", &day}}
	if low, high := p.colour(day-1), p.colour(day); low == high || low == "" || high == "" {
		t.Errorf("below %q, from there on %q", low, high)
	}
}

func TestLegendNamesTheLabels(t *testing.T) {
	line := Line{Labels: map[string]string{"code": "507"}}
	if got := legend(Target{LegendFormat: "{{code}} {{ code }}!"}, line); got != "507 507!" {
		t.Errorf("%q", got)
	}
}
