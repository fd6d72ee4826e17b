package main

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/hallmark-ml/hallmark"
)

//go:embed report.html
var reportHTML string

var reportPage = template.Must(template.New("report").Funcs(template.FuncMap{"clean": sanitize, "legend": func(i int) int { return 24 + 15*i }}).Parse(reportHTML))

// A reportView is what the page shows. The template escapes all text; what may come from a model it sanitises besides.
type reportView struct {
	gateResult

	Rates    []rateBar
	Sampled  []sampledBar
	Metrics  []measure
	Plots    []plot
	Findings []hallmark.Finding
	Failing  []hallmark.CaseEvidence
}

// A rateBar is a detector with the places of its rate and bounds on an axis of 200 units.
type rateBar struct {
	hallmark.DetectorResult

	Rate, Lower, Width, Bound string
}

// A sampledBar is an estimated rate of a run with a budget, with the places of the rate and its interval on such an axis.
type sampledBar struct {
	hallmark.SampledRate

	At, From, Width string
}

type measure struct{ Detector, Name, Value string }

// writeHTML writes the page; it holds everything that it shows.
func (g gateResult) writeHTML(w io.Writer) error {
	v := reportView{gateResult: g, Findings: g.findings(), Failing: g.failing()}
	for _, d := range g.Report.Detectors {
		v.Rates = append(v.Rates, newRateBar(d))
		for _, name := range slices.Sorted(maps.Keys(d.Metrics)) {
			v.Metrics = append(v.Metrics, measure{d.Detector, name, d.Metrics[name]})
		}
		for _, c := range d.Curves {
			v.Plots = append(v.Plots, newPlot(d.Detector, c))
		}
	}
	if s := g.Report.Selection; s != nil {
		v.Plots = append(v.Plots, budgetPlot(g.Report.Cases, *s))
		for _, r := range s.Rates {
			rate, lower, upper := axis*number(r.Rate), axis*number(r.Lower), axis*number(r.Upper)
			v.Sampled = append(v.Sampled, sampledBar{r, coordinate(rate), coordinate(lower), coordinate(upper - lower)})
		}
	}
	return reportPage.Execute(w, v)
}

// failing lists the cases against the model: with their texts where there are any, or else as the report has them.
func (g gateResult) failing() []hallmark.CaseEvidence {
	texts := make(map[string]hallmark.CaseEvidence, len(g.Evidence))
	for _, e := range g.Evidence {
		texts[e.ID] = e
	}
	cases := g.Report.Cases
	if s := g.Report.Selection; s != nil {
		cases = slices.Concat(cases, s.Hunted)
	}
	var list []hallmark.CaseEvidence
	for _, c := range cases {
		if c.Outcome == hallmark.Pass || c.Outcome == hallmark.Void {
			continue
		}
		e := texts[c.ID]
		e.CaseResult = c
		list = append(list, e)
	}
	return list
}

// axis is the length of the axis of a rate, in units.
const axis = 200

func newRateBar(d hallmark.DetectorResult) rateBar {
	rate, lower, upper, bound := number(d.Against.Rate), number(d.Against.Lower), number(d.Against.Upper), number(d.Against.Bound)
	return rateBar{
		DetectorResult: d, Rate: coordinate(axis * rate), Lower: coordinate(axis * lower), Width: coordinate(axis * (upper - lower)), Bound: coordinate(axis * bound),
	}
}

// number reads a decimal of a report; what is none is 0.
func number(s string) float64 {
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(x, 0) || math.IsNaN(x) {
		return 0
	}
	return x
}

func coordinate(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) }

// A plot is one or more lines drawn in a field of 360 by 200 units whose corner lies at (50, 10).
type plot struct {
	Detector, Name, X, Y string
	Series               []series
	XTicks, YTicks       []tick
}

// A series is one line of a plot.
type series struct {
	Name, Colour string
	Line         string
	Dots         []dot

	x, y []float64
}

type dot struct{ X, Y string }

// A tick is a labelled place of an axis.
type tick struct{ At, Text string }

func newPlot(detector string, c hallmark.Curve) plot {
	one := series{Colour: "var(--ink)"}
	for _, at := range c.Points {
		one.x, one.y = append(one.x, number(at.X)), append(one.y, number(at.Y))
	}
	p := plot{Detector: detector, Name: c.Name, X: c.X, Y: c.Y, Series: []series{one}}
	p.draw()
	return p
}

// budgetPlot shows the failures that a run with a budget found by the tokens that it had spent, of each kind of draw. A case
// that was drawn twice counts where it was looked at first.
func budgetPlot(cases []hallmark.CaseResult, s hallmark.Selection) plot {
	known := make(map[string]hallmark.CaseResult, len(cases)+len(s.Hunted))
	for _, c := range slices.Concat(cases, s.Hunted) {
		known[c.ID] = c
	}
	arms := []series{{Name: "estimate", Colour: "var(--ink)"}, {Name: "hunt", Colour: "var(--bad)"}}
	spent, found := 0, make([]int, len(arms))
	for i := range arms {
		arms[i].x, arms[i].y = []float64{0}, []float64{0}
	}
	for _, d := range s.Draws {
		c, open := known[d.Case]
		at := slices.IndexFunc(arms, func(a series) bool { return a.Name == d.Kind })
		if !open || at < 0 {
			continue
		}
		delete(known, d.Case)
		spent += max(1, c.PromptTokens+c.OutputTokens)
		if c.Outcome != hallmark.Pass && c.Outcome != hallmark.Void {
			arms[at].to(spent, found[at])
			found[at]++
			arms[at].to(spent, found[at])
		}
	}
	for i := range arms {
		arms[i].to(spent, found[i])
	}
	p := plot{Detector: "budget", Name: fmt.Sprintf("%d of %d tokens spent", spent, s.Budget), X: "tokens", Y: "failures found", Series: arms}
	p.draw()
	return p
}

func (s *series) to(x, y int) { s.x, s.y = append(s.x, float64(x)), append(s.y, float64(y)) }

// draw places the lines.
func (p *plot) draw() {
	var xs, ys []float64
	for _, s := range p.Series {
		xs, ys = append(xs, s.x...), append(ys, s.y...)
	}
	if len(xs) == 0 {
		return
	}
	x := scale{least: slices.Min(xs), most: slices.Max(xs), from: 50, to: 410}
	y := scale{least: min(0, slices.Min(ys)), most: slices.Max(ys), from: 210, to: 10}
	x.logarithmic = x.least > 0 && x.most >= 50*x.least
	for i := range p.Series {
		s := &p.Series[i]
		var line []string
		for k := range s.x {
			d := dot{coordinate(x.at(s.x[k])), coordinate(y.at(s.y[k]))}
			line = append(line, d.X+","+d.Y)
			if len(s.x) <= mostDots {
				s.Dots = append(s.Dots, d)
			}
		}
		s.Line = strings.Join(line, " ")
	}
	p.XTicks, p.YTicks = x.ticks(xs), y.ticks(nil)
}

// mostDots is how many points of a line are marked at most; one with more is a line alone.
const mostDots = 24

// A scale puts the numbers from least to most between two coordinates.
type scale struct {
	least, most, from, to float64
	logarithmic           bool
}

func (s scale) at(x float64) float64 {
	if s.most == s.least {
		return s.from
	}
	share := (x - s.least) / (s.most - s.least)
	if s.logarithmic {
		share = math.Log(x/s.least) / math.Log(s.most/s.least)
	}
	return s.from + (s.to-s.from)*share
}

// ticks are five places from end to end; of a logarithmic scale they are those of the values.
func (s scale) ticks(values []float64) []tick {
	const steps = 4
	var at []float64
	if s.logarithmic && len(values) <= 2*steps {
		at = values
	} else {
		for i := range steps + 1 {
			at = append(at, s.least+(s.most-s.least)*float64(i)/steps)
		}
	}
	var all []tick
	for _, x := range at {
		all = append(all, tick{coordinate(s.at(x)), fmt.Sprintf("%.4g", x)})
	}
	return all
}
