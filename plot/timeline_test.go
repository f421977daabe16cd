package plot

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
)

// elements parses SVG and returns its elements by name.
func elements(t *testing.T, svg string) map[string][]xml.StartElement {
	t.Helper()
	found := map[string][]xml.StartElement{}
	for decoder := xml.NewDecoder(strings.NewReader(svg)); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		if start, ok := token.(xml.StartElement); ok {
			found[start.Name.Local] = append(found[start.Name.Local], start)
		}
	}
}

func page(t *testing.T, timelines ...Timeline) string {
	t.Helper()
	var b strings.Builder
	if err := Page(&b, []Tile{{"a & b", "<1>", ""}}, timelines); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestLinesHaveGapsAndNoInfinities(t *testing.T) {
	s := Series{Name: "a", X: []float64{0, 1, 2, 5, 6, 7}, Y: []float64{1, 2, 3, 4, math.NaN(), math.Inf(1)}}.Finite()
	if len(s.X) != 4 || len(s.Y) != 4 {
		t.Fatalf("finite are %v", s)
	}
	svg := page(t, Timeline{Title: "t", From: 0, To: 10, Step: 1, Series: []Series{s}}, Timeline{Title: "empty", To: 10, Step: 1})
	if n := len(elements(t, svg)["polyline"]); n != 2 {
		t.Errorf("%d lines, want one before the gap and one after", n)
	}
	if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
		t.Error("there is a coordinate that is no number")
	}
}

func TestLanes(t *testing.T) {
	s := Series{X: []float64{3, 4}, Y: []float64{1, 1}}
	svg := page(t, Timeline{Lanes: true, To: 10, Step: 1, Series: []Series{s, s}})
	lines := elements(t, svg)["polyline"]
	if len(lines) != 2 {
		t.Fatalf("%d bars, want 2", len(lines))
	}
	if points := func(i int) string { return lines[i].Attr[len(lines[i].Attr)-1].Value }; points(0) == points(1) {
		t.Error("two bars at the same place")
	}
}

// A legend that is too long for one row takes more, and stays inside.
func TestLegend(t *testing.T) {
	var long Timeline
	for range 5 {
		long.Series = append(long.Series, Series{Name: strings.Repeat("x", 20)})
	}
	marks, rows := long.legend()
	if rows < 2 || len(marks) != 5 || marks[4].row != rows-1 {
		t.Errorf("%d rows, %v", rows, marks)
	}
	for _, m := range marks {
		if m.x < left || m.x+16+20*6 > width {
			t.Errorf("a name at %d is outside", m.x)
		}
	}
}

func TestSteps(t *testing.T) {
	for v, want := range map[float64]float64{0.013: 0.02, 0.021: 0.025, 1: 1, 3: 5, 7: 10, 600: 1000} {
		if got := (Timeline{}).step(v); math.Abs(got-want) > 1e-9 {
			t.Errorf("the step for %g is %g, want %g", v, got, want)
		}
	}
	if got := (Timeline{Binary: true}).step(700); got != 1024 {
		t.Errorf("the step for 700 bytes is %g", got)
	}
}
