package main

import (
	"bytes"
	"image/color"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A chart is a set of lines over a pair of logarithmic axes.
type chart struct {
	title string
	label string                 // of the horizontal axis
	tick  func(v float64) string // writes a value of the horizontal axis
	lines []line
}

// A line has positive coordinates.
type line struct {
	name   string
	points plotter.XYs
}

// colors can be distinguished with any color vision (Okabe and Ito).
var colors = []color.RGBA{{0x00, 0x72, 0xb2, 0xff}, {0xd5, 0x5e, 0x00, 0xff}, {0x00, 0x9e, 0x73, 0xff}, {0xcc, 0x79, 0xa7, 0xff}}

const chartWidth, chartHeight = 11 * vg.Centimeter, 8 * vg.Centimeter

// drawSVG draws charts side by side.
func drawSVG(charts []chart) ([]byte, error) {
	canvas := vgsvg.New(chartWidth*vg.Length(len(charts)), chartHeight)
	for i, c := range charts {
		p, err := c.plot()
		if err != nil {
			return nil, err
		}
		p.Draw(draw.Crop(draw.New(canvas), chartWidth*vg.Length(i), -chartWidth*vg.Length(len(charts)-1-i), 0, 0))
	}
	var svg bytes.Buffer
	if _, err := canvas.WriteTo(&svg); err != nil {
		return nil, err
	}
	return svg.Bytes(), nil
}

func (c chart) plot() (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text, p.X.Label.Text = c.title, c.label
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = c.ticks(), plot.LogTicks{Prec: -1}
	p.Legend.Top, p.Legend.Left = true, true
	p.Add(plotter.NewGrid())
	for i, l := range c.lines {
		drawn, points, err := plotter.NewLinePoints(l.points)
		if err != nil {
			return nil, err
		}
		drawn.Color, points.Color = colors[i%len(colors)], colors[i%len(colors)]
		drawn.Width, points.Shape = vg.Points(1.5), draw.CircleGlyph{}
		p.Add(drawn, points)
		p.Legend.Add(l.name, drawn, points)
	}
	// Room above the lines for the legend.
	p.Y.Max *= 3
	return p, nil
}

// ticks marks each value that was measured.
func (c chart) ticks() plot.ConstantTicks {
	var ticks plot.ConstantTicks
	for _, l := range c.lines {
		for _, point := range l.points {
			if !slices.ContainsFunc(ticks, func(t plot.Tick) bool { return t.Value == point.X }) {
				ticks = append(ticks, plot.Tick{Value: point.X, Label: c.tick(point.X)})
			}
		}
	}
	return ticks
}
