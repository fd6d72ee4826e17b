package page

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/hallmark-ml/hallmark"
)

// The field of a plot, in units of its picture.
const (
	fieldLeft, fieldRight = 50, 408
	fieldTop, fieldBottom = 12, 212
)

// A plot is one or more lines over the same two axes.
type plot struct {
	Detector, Name, X, Y string
	Series               []series
	XTicks, YTicks       []tick
	Notes                []note // what was said of each of its cases
}

// A series is one line of a plot. Class gives its colour and dashes.
type series struct {
	Name, Class string
	Line        string
	Dots        []dot
	Points      []hallmark.CurvePoint // as they are written, for a table

	x, y []float64
}

type dot struct{ X, Y string }

// A tick is a labelled place of an axis.
type tick struct{ At, Text string }

type note struct{ ID, Why string }

// seriesClasses are told apart without colours too, by their dashes.
var seriesClasses = []string{"one", "two", "three", "four"}

// plots draws a detector's curves; those over the same axes share a plot.
func plots(d hallmark.DetectorResult, cases []hallmark.CaseResult) []plot {
	var all []plot
	for _, c := range d.Curves {
		s := series{Name: c.Name, Points: c.Points}
		for _, at := range c.Points {
			s.x, s.y = append(s.x, number(at.X)), append(s.y, number(at.Y))
		}
		last := len(all) - 1
		if last < 0 || all[last].X != c.X || all[last].Y != c.Y || len(all[last].Series) == len(seriesClasses) {
			all, last = append(all, plot{Detector: d.Detector, X: c.X, Y: c.Y}), last+1
		}
		all[last].add(s)
	}
	for i := range all {
		p := &all[i]
		var names []string
		for _, s := range p.Series {
			names = append(names, s.Name)
		}
		p.Name, p.Notes = strings.Join(names, "; "), notes(d.Detector, cases)
		p.draw()
	}
	return all
}

// notes are the sentences about the cases behind a curve, the bounds of what was measured among them.
func notes(detector string, cases []hallmark.CaseResult) []note {
	var all []note
	for _, c := range cases {
		if c.Detector == detector && c.Why != "" {
			all = append(all, note{c.ID, c.Why})
		}
	}
	return all
}

// budgetPlot shows the failures that a run with a budget found by the tokens that it had spent, of each kind of draw. A case
// that was drawn twice counts where it was looked at first.
func budgetPlot(cases []hallmark.CaseResult, s hallmark.Selection) plot {
	known := make(map[string]hallmark.CaseResult, len(cases)+len(s.Hunted))
	for _, c := range slices.Concat(cases, s.Hunted) {
		known[c.ID] = c
	}
	arms := []series{{Name: "estimate"}, {Name: "hunt"}}
	spent, found := 0, make([]int, len(arms))
	for i := range arms {
		arms[i].to(0, 0)
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
	p := plot{Detector: "budget", Name: fmt.Sprintf("failures found with %s tokens, of a budget of %s", count(spent), count(s.Budget)), X: "tokens spent", Y: "failures found"}
	for i := range arms {
		arms[i].to(spent, found[i])
		arms[i].Points = []hallmark.CurvePoint{{X: strconv.Itoa(spent), Y: strconv.Itoa(found[i])}}
		p.add(arms[i])
	}
	p.draw()
	return p
}

func (s *series) to(x, y int) { s.x, s.y = append(s.x, float64(x)), append(s.y, float64(y)) }

func (p *plot) add(s series) {
	s.Class = seriesClasses[len(p.Series)]
	p.Series = append(p.Series, s)
}

// mostDots is how many points of a line are marked at most; one with more is a line alone.
const mostDots = 24

// draw places the lines and the ticks.
func (p *plot) draw() {
	var xs, ys []float64
	for _, s := range p.Series {
		xs, ys = append(xs, s.x...), append(ys, s.y...)
	}
	if len(xs) == 0 {
		return
	}
	x, y := newScale(xs, fieldLeft, fieldRight), newScale(ys, fieldBottom, fieldTop)
	if x.logarithmic {
		p.X += " (logarithmic)"
	}
	if y.logarithmic {
		p.Y += " (logarithmic)"
	}
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
	p.XTicks, p.YTicks = x.ticks(), y.ticks()
}

// A scale puts the numbers from least to most between two coordinates.
type scale struct {
	least, most, from, to float64
	step                  float64 // between ticks; unused if logarithmic
	logarithmic           bool
}

// newScale fits a scale with round ends to values. It is logarithmic where they are positive and far apart, and begins at zero
// otherwise, unless some are negative.
func newScale(values []float64, from, to float64) scale {
	const farApart = 50
	s := scale{least: slices.Min(values), most: slices.Max(values), from: from, to: to}
	if s.least > 0 && s.most >= farApart*s.least {
		low, high := math.Pow(10, math.Floor(math.Log10(s.least)+tiny)), math.Pow(10, math.Ceil(math.Log10(s.most)-tiny))
		if low > 0 && !math.IsInf(high, 1) {
			s.least, s.most, s.logarithmic = low, high, true
			return s
		}
	}
	s.least = min(0, s.least)
	if s.most <= s.least {
		s.most = s.least + 1
	}
	s.step = roundStep(s.most - s.least)
	s.least, s.most = math.Floor(s.least/s.step+tiny)*s.step, math.Ceil(s.most/s.step-tiny)*s.step
	return s
}

// tiny is less than what a rounded quotient or logarithm may be off by.
const tiny = 1e-9

// roundStep returns a step of 1, 2 or 5 times a power of ten, of which a width has four to ten.
func roundStep(width float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(width/4)+tiny))
	for _, times := range []float64{5, 2} {
		if width/(times*unit) >= 4-tiny {
			return times * unit
		}
	}
	return unit
}

func (s scale) at(x float64) float64 {
	share := (x - s.least) / (s.most - s.least)
	if s.logarithmic {
		share = math.Log(x/s.least) / math.Log(s.most/s.least)
	}
	return s.from + (s.to-s.from)*share
}

// mostTicks is more than a scale of round steps has.
const mostTicks = 12

// ticks are the steps, or the powers of ten.
func (s scale) ticks() []tick {
	var all []tick
	if s.logarithmic {
		low, high := math.Round(math.Log10(s.least)), math.Round(math.Log10(s.most))
		every := math.Ceil((high - low) / 8)
		label := power
		if low >= -3 && high <= 4 {
			label = decade
		}
		for i := 0.; i <= mostTicks && low+i*every <= high; i++ {
			e := low + i*every
			all = append(all, tick{coordinate(s.at(math.Pow(10, e))), label(int(e))})
		}
		return all
	}
	for i := 0.; i <= mostTicks && s.least+i*s.step <= s.most+s.step/2; i++ {
		x := s.least + i*s.step
		label := strconv.FormatFloat(math.Round(x/s.step)*s.step, 'g', 6, 64)
		if s.step >= 1 && math.Abs(x) < 1e15 {
			label = count(int(math.Round(x)))
		}
		all = append(all, tick{coordinate(s.at(x)), label})
	}
	return all
}

// decade writes a power of ten as a decimal.
func decade(e int) string { return strconv.FormatFloat(math.Pow(10, float64(e)), 'f', -1, 64) }

// power writes one as a power.
func power(e int) string {
	return "10" + strings.Map(func(r rune) rune {
		if r == '-' {
			return '⁻'
		}
		return []rune("⁰¹²³⁴⁵⁶⁷⁸⁹")[r-'0']
	}, strconv.Itoa(e))
}
