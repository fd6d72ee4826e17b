package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hallmark-ml/hallmark"
)

var (
	nameText     = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)
	versionText  = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z.+-]{0,31}$`)
	detectorText = regexp.MustCompile(`^[a-z][a-z0-9]{0,31}\.[a-z][a-z0-9-]{0,31}$`)
	familyText   = regexp.MustCompile(`^[a-z][a-z0-9]{0,31}\.\*$`)
)

// minReason is the shortest reason, in bytes, that an exemption or a wider limit may give.
const minReason = 20

func (l *linter) header(f file) {
	if f.Schema != schema {
		l.at([]any{"schema"}, "schema is not %s", schema)
	}
	if !nameText.MatchString(f.Name) {
		l.at([]any{"name"}, "name is not a word of a-z, 0-9 and -, up to 64")
	}
	if !versionText.MatchString(f.Version) {
		l.at([]any{"version"}, "version is missing or not a version")
	}
	for name, tier := range map[string]string{"minTier": f.MinTier, "minTierGate": or(f.MinTierGate, string(hallmark.TierFull))} {
		if _, ok := tierRank(hallmark.Tier(tier)); !ok {
			l.at([]any{name}, "%s is none of runsc, runc, full, no-namespaces, program and remote", name)
		}
	}
	if head := hallmark.AnchorState(f.Head); head != hallmark.AnchorSafe && head != hallmark.AnchorFinal {
		l.at([]any{"head"}, "head is neither %s nor %s", hallmark.AnchorSafe, hallmark.AnchorFinal)
	}
	l.decision([]any{"notAssessable"}, f.NotAssessable)
	for name, n := range map[string]int{
		"profiles": len(f.Profiles), "limits": len(f.Limits), "rules": len(f.Rules), "exemptions": len(f.Exemptions), "examples": len(f.Examples),
	} {
		if n > maxItems {
			l.at([]any{name}, "%d %s, at most %d", n, name, maxItems)
		}
	}
}

// decision accepts what a rule may say. Allow is not among it: it is what is left when nothing speaks.
func (l *linter) decision(path []any, text string) {
	switch hallmark.Decision(text) {
	case hallmark.Block, hallmark.Challenge, hallmark.Undecided:
	case hallmark.Allow:
		l.at(path, "no rule can allow; a model is allowed when no rule speaks against it")
	default:
		l.at(path, "%v is not block, challenge or undecided", path[len(path)-1])
	}
}

func (l *linter) profiles(p *Policy) {
	if len(p.file.Profiles) == 0 {
		l.at([]any{"profiles"}, "no profiles: nothing could be judged")
	}
	seen := map[string]bool{}
	for i, profile := range p.file.Profiles {
		if !nameText.MatchString(profile.Name) || seen[profile.Name] {
			l.at([]any{"profiles", i, "name"}, "the profile's name is missing, not a word, or there already")
		}
		seen[profile.Name] = true
		if profile.Suite != "" && !nameText.MatchString(profile.Suite) {
			l.at([]any{"profiles", i, "suite"}, "%q is not the name of a suite", hallmark.CleanText(profile.Suite, 40))
		}
		if len(profile.Require) == 0 || len(profile.Require) > maxItems {
			l.at([]any{"profiles", i, "require"}, "a profile requires 1 to %d detectors", maxItems)
		}
		for k, detector := range profile.Require {
			path := []any{"profiles", i, "require", k}
			if !detectorText.MatchString(detector) {
				l.at(path, "%q is not a detector", hallmark.CleanText(detector, 80))
			} else if _, ok := p.limitOf(detector); !ok {
				l.at(path, "%s is required and has no limit", detector)
			}
		}
	}
}

func (l *linter) limits(in []fileLimit) []limit {
	out := make([]limit, 0, len(in))
	seen := map[string]bool{}
	for i, f := range in {
		path := func(key string) []any { return []any{"limits", i, key} }
		if !detectorText.MatchString(f.Detector) && !familyText.MatchString(f.Detector) {
			l.at(path("detector"), "%q is neither a detector nor a family such as inject.*", hallmark.CleanText(f.Detector, 80))
		}
		if seen[f.Detector] {
			l.at(path("detector"), "%s has a limit already", f.Detector)
		}
		seen[f.Detector] = true
		compiled := l.limit(f, path)
		if f.Reason != "" {
			l.reason(path("reason"), f.Reason)
		} else if what := wider(compiled); what != "" {
			l.at(path("detector"), "%s is wider than the standard and gives no reason: %s", f.Detector, what)
		}
		out = append(out, compiled)
	}
	return out
}

func (l *linter) limit(f fileLimit, path func(string) []any) limit {
	out := limit{
		Detector: f.Detector, MinSeverity: hallmark.SeverityMedium, Cases: int(f.MinCases), Templates: int(f.MinTemplates),
		AnyFailure: f.AnyFailureBlocks, Reason: f.Reason,
	}
	if f.MaxBoundPercent != "" {
		bound, err := millionths(f.MaxBoundPercent)
		if err != nil || bound > 100*million {
			l.at(path("maxBoundPercent"), "maxBoundPercent is not a number from 0 to 100")
		}
		bound /= 100 // of a percentage with up to four decimals nothing is lost
		out.Bound = &bound
	}
	if f.MaxDropPoints != "" {
		drop, err := parseDecimal(f.MaxDropPoints)
		if err != nil || drop.Sign() < 0 {
			l.at(path("maxDropPoints"), "maxDropPoints is not a number from 0 on")
		}
		out.Drop = drop
	}
	if f.MaxFindings != nil {
		out.Findings = int(*f.MaxFindings)
	}
	if f.MinSeverity != "" {
		out.MinSeverity = hallmark.Severity(f.MinSeverity)
		if !slices.Contains([]hallmark.Severity{hallmark.SeverityInfo, hallmark.SeverityMedium, hallmark.SeverityHigh, hallmark.SeverityCritical}, out.MinSeverity) {
			l.at(path("minSeverity"), "minSeverity is not info, medium, high or critical")
		}
	}
	if f.MaxBoundPercent == "" && f.MaxDropPoints == "" && f.MaxFindings == nil && !f.AnyFailureBlocks {
		l.at(path("detector"), "limits nothing: set maxBoundPercent, maxDropPoints, maxFindings or anyFailureBlocks")
	}
	return out
}

// wider says in what a limit lets more pass than the standard one; of a family, the standard of its members counts.
func wider(l limit) string {
	standard, ok := standardLimit(strings.Replace(l.Detector, ".*", ".any", 1))
	var more []string
	add := func(is bool, format string, args ...any) {
		if is {
			more = append(more, fmt.Sprintf(format, args...))
		}
	}
	if ok && standard.Bound != nil {
		add(l.Bound == nil || *l.Bound > *standard.Bound, "maxBoundPercent is over %s", percent(*standard.Bound))
	}
	if ok && standard.Drop != nil {
		add(l.Drop == nil || l.Drop.Cmp(standard.Drop) > 0, "maxDropPoints is over %s", decimal(standard.Drop))
	}
	add(l.Findings > 0, "maxFindings is over 0")
	add(severityRank(l.MinSeverity) > severityRank(hallmark.SeverityMedium), "minSeverity is over %s", hallmark.SeverityMedium)
	return strings.Join(more, ", ")
}

func (l *linter) reason(path []any, text string) {
	if len(strings.TrimSpace(text)) < minReason {
		l.at(path, "a reason of at least %d characters is needed", minReason)
	}
}

func (l *linter) rules(in []fileRule) []rule {
	env, err := newEnv()
	if err != nil {
		l.at(nil, "CEL: %v", err) // our own mistake, and the policy must not load
		return nil
	}
	out := make([]rule, 0, len(in))
	seen := map[string]bool{}
	for i, f := range in {
		path := func(key string) []any { return []any{"rules", i, key} }
		if !nameText.MatchString(f.ID) || f.ID == RuleNotAssessable || seen[f.ID] {
			l.at(path("id"), "the rule's id is missing, not a word, or there already")
		}
		seen[f.ID] = true
		if !slices.Contains([]string{"", "finding", "detector"}, f.Each) {
			l.at(path("each"), "each is neither finding nor detector")
		}
		if f.Detector != "" && (f.Each != "" || !detectorText.MatchString(f.Detector)) {
			l.at(path("detector"), "detector is not one, or the rule has each")
		}
		if strings.TrimSpace(f.Message) == "" {
			l.at(path("message"), "the rule has no message")
		}
		l.decision(path("decide"), f.Decide)
		compiled, err := compile(env, f)
		if err != nil {
			l.at(path("when"), "when: %s", hallmark.CleanText(err.Error(), maxText))
		}
		out = append(out, compiled)
	}
	return out
}

func (l *linter) exemptions(in []fileExemption) {
	for i, e := range in {
		path := func(key string) []any { return []any{"exemptions", i, key} }
		if !detectorText.MatchString(e.Detector) {
			l.at(path("detector"), "%q is not a detector", hallmark.CleanText(e.Detector, 80))
		}
		if len(e.Covers) == 0 {
			l.at(path("covers"), "covers nothing")
		}
		for _, cover := range e.Covers {
			if !slices.Contains([]string{coverNotAssessable, coverLimit, coverFindings}, cover) {
				l.at(path("covers"), "%q is not %s, %s or %s", hallmark.CleanText(cover, 40), coverNotAssessable, coverLimit, coverFindings)
			}
		}
		if slices.Contains(e.Covers, coverFindings) != (len(e.Findings) > 0) {
			l.at(path("findings"), "covers: findings and the list of their rules go together")
		}
		l.reason(path("reason"), e.Reason)
	}
}
