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

var reportPage = template.Must(template.New("report").Funcs(template.FuncMap{"clean": sanitize}).Parse(reportHTML))

// A reportView is what the page shows. The template escapes all text; what may come from a model it sanitises besides.
type reportView struct {
	gateResult

	Rates    []rateBar
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
	return reportPage.Execute(w, v)
}

// failing lists the cases against the model: with their texts where there are any, or else as the report has them.
func (g gateResult) failing() []hallmark.CaseEvidence {
	texts := make(map[string]hallmark.CaseEvidence, len(g.Evidence))
	for _, e := range g.Evidence {
		texts[e.ID] = e
	}
	var list []hallmark.CaseEvidence
	for _, c := range g.Report.Cases {
		if c.Outcome == hallmark.Pass || c.Outcome == hallmark.Void {
			continue
		}
		e := texts[c.ID]
		e.CaseResult = c
		list = append(list, e)
	}
	return list
}

func newRateBar(d hallmark.DetectorResult) rateBar {
	const axis = 200
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

// A plot is a curve drawn in a field of 360 by 200 units whose corner lies at (50, 10).
type plot struct {
	Detector, Name, X, Y string
	Line                 string
	Dots                 []dot
	XTicks, YTicks       []tick
}

type dot struct{ X, Y string }

// A tick is a labelled place of an axis.
type tick struct{ At, Text string }

func newPlot(detector string, c hallmark.Curve) plot {
	p := plot{Detector: detector, Name: c.Name, X: c.X, Y: c.Y}
	if len(c.Points) == 0 {
		return p
	}
	var xs, ys []float64
	for _, at := range c.Points {
		xs, ys = append(xs, number(at.X)), append(ys, number(at.Y))
	}
	x := scale{least: slices.Min(xs), most: slices.Max(xs), from: 50, to: 410}
	y := scale{least: min(0, slices.Min(ys)), most: slices.Max(ys), from: 210, to: 10}
	var line []string
	for i := range xs {
		d := dot{coordinate(x.at(xs[i])), coordinate(y.at(ys[i]))}
		p.Dots = append(p.Dots, d)
		line = append(line, d.X+","+d.Y)
	}
	p.Line, p.XTicks, p.YTicks = strings.Join(line, " "), x.ticks(), y.ticks()
	return p
}

// A scale puts the numbers from least to most between two coordinates.
type scale struct{ least, most, from, to float64 }

func (s scale) at(x float64) float64 {
	if s.most == s.least {
		return s.from
	}
	return s.from + (s.to-s.from)*(x-s.least)/(s.most-s.least)
}

// ticks are five places from end to end.
func (s scale) ticks() []tick {
	const steps = 4
	var all []tick
	for i := range steps + 1 {
		x := s.least + (s.most-s.least)*float64(i)/steps
		all = append(all, tick{coordinate(s.at(x)), fmt.Sprintf("%.3g", x)})
	}
	return all
}
