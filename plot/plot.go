// Package plot draws the pictures of the documents as SVG: line charts with
// logarithmic axes, and what was measured over time.
package plot

import (
	"fmt"
	"html"
	"io"
	"math"
	"strings"
)

// A Series is one line. X and Y are of the same length, and positive.
type Series struct {
	Name string
	X, Y []float64
}

// A Chart is a set of lines over one pair of axes.
type Chart struct {
	Title  string
	XLabel string
	// XTick writes a value of the horizontal axis; %g if nil.
	XTick  func(float64) string
	Series []Series
}

// Sizes in pixels.
const (
	width, height            = 440, 300
	left, right, top, bottom = 64, 24, 40, 70
)

// Colours that people with any colour vision tell apart (Okabe and Ito), on
// white, so that they are the same on light and dark pages.
var colours = [...]string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"}

// SVG writes charts side by side.
func SVG(w io.Writer, charts ...Chart) error {
	var b strings.Builder
	begin(&b, width*len(charts), height)
	for i, c := range charts {
		fmt.Fprintf(&b, `<g transform="translate(%d 0)">`+"\n", i*width)
		c.draw(&b)
		b.WriteString("</g>\n")
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func begin(b *strings.Builder, width, height int) {
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="11">`+"\n", width, height)
	b.WriteString(`<rect width="100%" height="100%" fill="white"/>` + "\n")
}

func (c Chart) draw(b *strings.Builder) {
	x := axis{from: left, to: width - right}
	y := axis{from: height - bottom, to: top}
	for _, s := range c.Series {
		x.hold(s.X)
		y.hold(s.Y)
	}
	text(b, (left+width-right)/2, 20, "middle", c.Title)
	text(b, (left+width-right)/2, height-bottom+34, "middle", c.XLabel)
	c.grid(b, x, y)
	for i, s := range c.Series {
		s.draw(b, x, y, colours[i%len(colours)])
		text(b, left+20+i*(width-left-right)/len(c.Series), height-12, "start", s.Name)
		fmt.Fprintf(b, `<rect x="%d" y="%d" width="12" height="4" fill="%s"/>`+"\n",
			left+4+i*(width-left-right)/len(c.Series), height-18, colours[i%len(colours)])
	}
}

func (c Chart) grid(b *strings.Builder, x, y axis) {
	tick := c.XTick
	if tick == nil {
		tick = func(v float64) string { return fmt.Sprintf("%g", v) }
	}
	if len(c.Series) > 0 {
		for _, v := range c.Series[0].X {
			line(b, x.at(v), y.from, x.at(v), y.to)
			text(b, int(x.at(v)), int(y.from)+16, "middle", tick(v))
		}
	}
	for _, v := range y.ticks() {
		line(b, x.from, y.at(v), x.to, y.at(v))
		text(b, left-6, int(y.at(v))+4, "end", number(v))
	}
}

func (s Series) draw(b *strings.Builder, x, y axis, colour string) {
	points := make([]string, len(s.X))
	for i := range s.X {
		points[i] = fmt.Sprintf("%.1f,%.1f", x.at(s.X[i]), y.at(s.Y[i]))
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", x.at(s.X[i]), y.at(s.Y[i]), colour)
	}
	fmt.Fprintf(b, `<polyline fill="none" stroke="%s" stroke-width="2" points="%s"/>`+"\n", colour, strings.Join(points, " "))
}

// An axis places the logarithm of values between two pixels.
type axis struct{ from, to, low, high float64 }

func (a *axis) hold(values []float64) {
	for _, v := range values {
		if a.low == 0 || v < a.low {
			a.low = v
		}
		a.high = max(a.high, v)
	}
}

func (a *axis) at(v float64) float64 {
	if a.high <= a.low {
		return (a.from + a.to) / 2
	}
	return a.from + (a.to-a.from)*math.Log(v/a.low)/math.Log(a.high/a.low)
}

// ticks are the powers of ten on the axis, and what is between them where there
// are few.
func (a *axis) ticks() []float64 {
	steps := []float64{1, 2, 3, 5, 7}
	switch {
	case a.high > 1000*a.low:
		steps = []float64{1}
	case a.high > 30*a.low:
		steps = []float64{1, 2, 5}
	}
	var ticks []float64
	for power := math.Floor(math.Log10(a.low)); power <= math.Log10(a.high); power++ {
		for _, step := range steps {
			if v := step * math.Pow(10, power); v >= a.low && v <= a.high {
				ticks = append(ticks, v)
			}
		}
	}
	return ticks
}

func number(v float64) string {
	if v >= 1000 {
		return fmt.Sprintf("%gk", v/1000)
	}
	return fmt.Sprintf("%.3g", v)
}

func line(b *strings.Builder, x1, y1, x2, y2 float64) {
	fmt.Fprintf(b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#ddd"/>`+"\n", x1, y1, x2, y2)
}

func text(b *strings.Builder, x, y int, anchor, s string) {
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="%s">%s</text>`+"\n", x, y, anchor, html.EscapeString(s))
}
