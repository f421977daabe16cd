package plot

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestSVGIsWellFormedAndHoldsEveryPoint(t *testing.T) {
	var b strings.Builder
	chart := Chart{Title: "p99 <ms>", XLabel: "connections", Series: []Series{
		{Name: "a & b", X: []float64{1, 10, 1000}, Y: []float64{5, 50, 7}},
		{Name: "c", X: []float64{1, 10, 1000}, Y: []float64{9, 9, 9}},
	}}
	if err := SVG(&b, chart, chart); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	decoder := xml.NewDecoder(strings.NewReader(b.String()))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		count[start.Name.Local]++
		if start.Name.Local == "circle" {
			inside(t, start)
		}
	}
	if count["circle"] != 12 || count["polyline"] != 4 {
		t.Errorf("%d circles and %d lines, want 12 and 4", count["circle"], count["polyline"])
	}
}

// inside checks that a point lies within the axes.
func inside(t *testing.T, circle xml.StartElement) {
	t.Helper()
	var x, y float64
	for _, a := range circle.Attr {
		switch a.Name.Local {
		case "cx":
			fmt.Sscan(a.Value, &x)
		case "cy":
			fmt.Sscan(a.Value, &y)
		}
	}
	if x < left || x > width-right || y < top || y > height-bottom {
		t.Errorf("a point at %g,%g is outside", x, y)
	}
}

func TestLargerValuesAreHigher(t *testing.T) {
	y := axis{from: height - bottom, to: top}
	y.hold([]float64{1, 100})
	if got, want := y.at(10), float64(top+height-bottom)/2; got != want {
		t.Errorf("10 between 1 and 100 is at %g, want the middle, %g", got, want)
	}
	if y.at(100) >= y.at(1) {
		t.Error("a larger value is drawn lower")
	}
}
