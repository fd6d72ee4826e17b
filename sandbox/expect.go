package sandbox

import (
	"strings"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/engine/al"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
)

// expectations are the chances that cases fail, by a version before: as it did in the same case, or, with a chance of
// 1 - keeps, as it did in others of its template, which few cases tell of, and so of its detector.
type expectations map[string]float64

// keeps is how likely a case ends as it did before, whatever else is known.
const keeps = 0.8

func (p previous) expectations() expectations {
	var all counted
	detectors, templates := map[string]counted{}, map[string]counted{}
	for id, e := range p {
		detector, template := family(id)
		one := seen(e.Outcome)
		all = all.plus(one)
		detectors[detector], templates[template] = detectors[detector].plus(one), templates[template].plus(one)
	}
	x := make(expectations, len(p))
	for id, e := range p {
		detector, template := family(id)
		one := seen(e.Outcome)
		// Cases of the same family but this one, and what is expected of the larger family as if it were one or two cases more.
		chance := (all.against + 0.5) / (all.cases + 1)
		chance = detectors[detector].minus(one).rate(2, chance)
		chance = templates[template].minus(one).rate(1, chance)
		if one.cases > 0 {
			chance = float64(keeps*one.against) + float64((1-keeps)*chance)
		}
		x[id] = max(0.002, min(0.998, chance))
	}
	return x
}

// family returns what a case's id, detector/template/number, begins with.
func family(id string) (detector, template string) {
	detector, _, _ = strings.Cut(id, "/")
	return detector, id[:max(0, strings.LastIndexByte(id, '/'))]
}

// counted are cases, and those against the model.
type counted struct{ against, cases float64 }

// seen counts one case; a void one says nothing.
func seen(o hallmark.Outcome) counted {
	switch {
	case o == hallmark.Void:
		return counted{}
	case against(o):
		return counted{1, 1}
	default:
		return counted{0, 1}
	}
}

func (n counted) plus(o counted) counted { return counted{n.against + o.against, n.cases + o.cases} }

func (n counted) minus(o counted) counted { return counted{n.against - o.against, n.cases - o.cases} }

// rate is the share against the model with some more cases of another rate.
func (n counted) rate(more, other float64) float64 {
	return (n.against + float64(more*other)) / (n.cases + more)
}

// prior is the share of cases against a model before anything is known.
const prior = 0.1

// Score implements [al.Scorer].
func (x expectations) Score(c probe.Case) float64 {
	chance, ok := x[c.ID]
	if !ok {
		return 0
	}
	return al.Logit(chance) - al.Logit(prior)
}
