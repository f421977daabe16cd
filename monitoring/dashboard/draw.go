package dashboard

import (
	"fmt"
	"io"
	"math"
	"regexp"
	"strings"

	"foobar/plot"
)

// Draw writes the panels as SVG.
func (v *View) Draw(w io.Writer) error {
	var tiles []plot.Tile
	var timelines []plot.Timeline
	for _, p := range v.Panels {
		var err error
		switch p.Type {
		case "stat":
			var tile plot.Tile
			tile, err = v.tile(p)
			tiles = append(tiles, tile)
		case "timeseries", "state-timeline":
			var t plot.Timeline
			t, err = v.timeline(p)
			timelines = append(timelines, t)
		default:
			err = fmt.Errorf("cannot draw a %s", p.Type)
		}
		if err != nil {
			return fmt.Errorf("panel %s: %w", p.Title, err)
		}
	}
	return plot.Page(w, tiles, timelines)
}

func (v *View) tile(p Panel) (plot.Tile, error) {
	tile := plot.Tile{Title: p.Title, Value: "–"}
	for _, t := range p.Targets {
		expr, err := v.Expand(t.Expr)
		if err != nil {
			return tile, err
		}
		lines, err := v.Prometheus.Instant(expr, v.To)
		if err != nil {
			return tile, err
		}
		if len(lines) > 0 {
			tile.Value = p.format(lines[0].Values[0])
			tile.Colour = p.colour(lines[0].Values[0])
		}
	}
	return tile, nil
}

func (v *View) timeline(p Panel) (plot.Timeline, error) {
	timeline := plot.Timeline{Title: p.Title, Tick: p.format, Lanes: p.Type == "state-timeline", Binary: p.FieldConfig.Defaults.Unit == "bytes",
		From: unix(v.From.UnixMilli()), To: unix(v.To.UnixMilli()), Step: v.Step.Seconds()}
	for _, t := range p.Targets {
		lines, err := v.Ask(t)
		if err != nil {
			return timeline, err
		}
		for _, line := range lines {
			timeline.Series = append(timeline.Series, plot.Series{Name: legend(t, line), X: line.Times, Y: line.Values}.Finite())
		}
	}
	return timeline, nil
}

func unix(milliseconds int64) float64 { return float64(milliseconds) / 1000 }

var label = regexp.MustCompile(`{{\s*(\w+)\s*}}`)

func legend(t Target, line Line) string {
	return label.ReplaceAllStringFunc(t.LegendFormat, func(s string) string {
		return line.Labels[label.FindStringSubmatch(s)[1]]
	})
}

// colour is that of the highest threshold that a value has reached, dark
// enough for a light ground.
func (p Panel) colour(v float64) string {
	name := ""
	for _, t := range p.FieldConfig.Defaults.Thresholds.Steps {
		if t.Value == nil || v >= *t.Value {
			name = t.Color
		}
	}
	return map[string]string{"red": "#b3261e", "orange": "#a34e00", "green": "#1a6f37"}[name]
}

// format writes a value as the panel's unit and mappings say.
func (p Panel) format(v float64) string {
	for _, m := range p.FieldConfig.Defaults.Mappings {
		if o, ok := m.Options[fmt.Sprint(v)]; ok {
			return o.Text
		}
	}
	switch p.FieldConfig.Defaults.Unit {
	case "percentunit":
		return number(100*v) + " %"
	case "reqps":
		return number(v) + " /s"
	case "bytes":
		return scaled(v, 1024, "B", "KiB", "MiB", "GiB", "TiB")
	case "Bps":
		return scaled(v, 1000, "B/s", "kB/s", "MB/s", "GB/s")
	case "s":
		return duration(v)
	}
	return number(v)
}

func scaled(v, base float64, units ...string) string {
	i := 0
	for ; v >= base && i < len(units)-1; i++ {
		v /= base
	}
	return number(v) + " " + units[i]
}

func duration(v float64) string {
	for _, unit := range []struct {
		seconds float64
		name    string
	}{{365.25 * 86400, "years"}, {2 * 86400, "days"}, {3600, "hours"}, {60, "min"}, {1, "s"}, {1e-3, "ms"}} {
		if v < unit.seconds {
			continue
		}
		if unit.name == "days" {
			unit.seconds = 86400
		}
		return number(v/unit.seconds) + " " + unit.name
	}
	if v == 0 {
		return "0 s"
	}
	return number(v*1e6) + " µs"
}

// number has three digits and no more zeros than it needs.
func number(v float64) string {
	if math.Abs(v) >= 1000 {
		return fmt.Sprintf("%.0f", v)
	}
	return strings.Replace(fmt.Sprintf("%.3g", v), "e+03", "000", 1)
}
