package plot

import (
	"fmt"
	"html"
	"io"
	"math"
	"strings"
)

// A Timeline is a set of lines over time, from 0 up, on linear axes.
type Timeline struct {
	Title    string
	From, To float64 // seconds
	Step     float64 // seconds between two points; a line has a gap where there is more
	// Tick writes a value of the vertical axis; %g if nil.
	Tick func(float64) string
	// Binary is for bytes: the axis has powers of two.
	Binary bool
	// Lanes is for series that matter by being there, whatever their value:
	// each has a lane of its own.
	Lanes  bool
	Series []Series
}

// Finite is the series without the values that are no numbers.
func (s Series) Finite() Series {
	finite := Series{Name: s.Name}
	for i, v := range s.Y {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			finite.X = append(finite.X, s.X[i])
			finite.Y = append(finite.Y, v)
		}
	}
	return finite
}

// A Tile is one value. Colour is one of SVG's, or "".
type Tile struct{ Title, Value, Colour string }

// Sizes in pixels.
const (
	tileHeight     = 62
	timelineHeight = 220
	legendRow      = 16
	letter         = 6.2 // width of one, on average
	columns        = 2
)

// Page writes tiles in a row and timelines below, in two columns.
func Page(w io.Writer, tiles []Tile, timelines []Timeline) error {
	var b strings.Builder
	begin(&b, columns*width, tileHeight+(len(timelines)+columns-1)/columns*timelineHeight)
	for i, t := range tiles {
		t.draw(&b, i*columns*width/len(tiles), columns*width/len(tiles))
	}
	for i, t := range timelines {
		fmt.Fprintf(&b, `<g transform="translate(%d %d)">`+"\n", i%columns*width, tileHeight+i/columns*timelineHeight)
		t.draw(&b)
		b.WriteString("</g>\n")
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (t Tile) draw(b *strings.Builder, x, width int) {
	fmt.Fprintf(b, `<rect x="%d" y="6" width="%d" height="%d" rx="3" fill="#f4f4f4"/>`+"\n", x+4, width-8, tileHeight-12)
	text(b, x+width/2, 23, "middle", t.Title)
	colour := t.Colour
	if colour == "" {
		colour = "black"
	}
	fmt.Fprintf(b, `<text x="%d" y="46" text-anchor="middle" font-size="17" fill="%s">%s</text>`+"\n", x+width/2, colour, html.EscapeString(t.Value))
}

func (t Timeline) draw(b *strings.Builder) {
	if t.Lanes {
		t.lanes(b)
		return
	}
	marks, rows := t.legend()
	below := 30 + rows*legendRow
	x := scale{from: left, to: width - right, low: t.From, high: t.To}
	y := scale{from: timelineHeight - float64(below), to: top - 8, high: t.highest()}
	t.heading(b)
	t.passed(b, x, y)
	t.grid(b, x, y)
	for i, s := range t.Series {
		t.trace(b, s, x, y, colours[i%len(colours)], 1.8)
	}
	for i, m := range marks {
		at := timelineHeight - rows*legendRow + m.row*legendRow
		fmt.Fprintf(b, `<rect x="%d" y="%d" width="12" height="4" fill="%s"/>`+"\n", m.x, at-4, colours[i%len(colours)])
		text(b, m.x+16, at, "start", t.Series[i].Name)
	}
}

func (t Timeline) heading(b *strings.Builder) {
	fmt.Fprintf(b, `<text x="%d" y="20" font-weight="bold">%s</text>`+"\n", left, html.EscapeString(t.Title))
}

// lanes draws each series as a bar with its name above.
func (t Timeline) lanes(b *strings.Builder) {
	t.heading(b)
	x := scale{from: left, to: width - right, low: t.From, high: t.To}
	y := scale{from: timelineHeight - 30, to: top - 8, high: 1}
	t.passed(b, x, y)
	high := (y.from - y.to) / float64(max(len(t.Series), 1))
	for i, s := range t.Series {
		at := y.to + (float64(i)+1)*high - 7
		text(b, left+4, int(at)-8, "start", s.Name)
		flat := Series{X: s.X, Y: make([]float64, len(s.X))}
		t.trace(b, flat, x, scale{from: at, to: at, high: 1}, colours[1], 7)
	}
}

// A mark is where a line's name is written.
type mark struct{ x, row int }

// legend puts the names one after the other, in as many rows as that takes.
func (t Timeline) legend() (marks []mark, rows int) {
	at := mark{x: left}
	for i, s := range t.Series {
		wide := 16 + int(letter*float64(len(s.Name))) + 14
		if i > 0 && at.x+wide > width {
			at = mark{left, at.row + 1}
		}
		marks = append(marks, at)
		at.x += wide
	}
	return marks, at.row + 1
}

func (t Timeline) highest() float64 {
	high := 0.0
	for _, s := range t.Series {
		for _, v := range s.Y {
			high = max(high, v)
		}
	}
	if high == 0 {
		return 1
	}
	return high * 1.05
}

func (t Timeline) grid(b *strings.Builder, x, y scale) {
	tick := t.Tick
	if tick == nil {
		tick = func(v float64) string { return fmt.Sprintf("%g", v) }
	}
	for v := 0.0; v <= y.high; v += t.step(y.high / 5) {
		line(b, x.from, y.at(v), x.to, y.at(v))
		text(b, left-6, int(y.at(v))+4, "end", tick(v))
	}
}

// passed marks the time since the beginning, in minutes and seconds.
func (t Timeline) passed(b *strings.Builder, x, y scale) {
	for passed := 0.0; passed <= t.To-t.From; passed += minutes(t.To - t.From) {
		line(b, x.at(t.From+passed), y.from, x.at(t.From+passed), y.to)
		text(b, int(x.at(t.From+passed)), int(y.from)+16, "middle", fmt.Sprintf("%d:%02d", int(passed)/60, int(passed)%60))
	}
}

// trace draws a line, and again after each gap.
func (t Timeline) trace(b *strings.Builder, s Series, x, y scale, colour string, thick float64) {
	var points []string
	flush := func() {
		if len(points) == 1 {
			points = append(points, points[0]) // a dot, by its round ends
		}
		if len(points) > 0 {
			fmt.Fprintf(b, `<polyline fill="none" stroke="%s" stroke-width="%g" stroke-linecap="round" stroke-linejoin="round" points="%s"/>`+"\n", colour, thick, strings.Join(points, " "))
		}
		points = nil
	}
	for i := range s.X {
		if i > 0 && s.X[i]-s.X[i-1] > 1.5*t.Step {
			flush()
		}
		points = append(points, fmt.Sprintf("%.1f,%.1f", x.at(s.X[i]), y.at(s.Y[i])))
	}
	flush()
}

// A scale places values between two pixels.
type scale struct{ from, to, low, high float64 }

func (s scale) at(v float64) float64 {
	return s.from + (s.to-s.from)*(v-s.low)/(s.high-s.low)
}

// step is the next round number: 1, 2, 2.5 or 5 and zeros, or a power of two.
func (t Timeline) step(v float64) float64 {
	if t.Binary {
		return math.Exp2(math.Ceil(math.Log2(v)))
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, round := range []float64{1, 2, 2.5, 5} {
		if round*power >= v {
			return round * power
		}
	}
	return 10 * power
}

// minutes is a round part of a time, in seconds.
func minutes(whole float64) float64 {
	for _, part := range []float64{5, 10, 15, 30, 60, 120, 300, 600, 900, 1800} {
		if whole/part <= 6 {
			return part
		}
	}
	return 3600
}
