package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
)

func TestLintFindsEverythingAtOnce(t *testing.T) {
	t.Parallel()

	text := `schema: other
name: "A b"
version: ""
minTier: best
minTierGate: worst
head: latest
notAssessable: allow
profiles:
  - name: chat
    require: [inject.direct, "?", out.render]
  - name: chat
    require: []
limits:
  - {detector: inject.*, maxBoundPercent: 101}
  - {detector: inject.*, maxBoundPercent: x}
  - {detector: "*", maxFindings: 1, reason: this was looked at and is known}
  - {detector: perturb.char, maxDropPoints: -1}
  - {detector: a.b, minCases: 3}
  - {detector: c.d, maxFindings: 0, minSeverity: bad}
  - {detector: perturb.x, maxBoundPercent: 5, reason: short}
rules:
  - {id: one, when: "true", decide: allow, message: m}
  - {id: one, when: "true", decide: perhaps, message: m}
  - {id: not-assessable, when: "true", decide: block, message: " "}
  - {id: four, each: case, when: "true", decide: block, message: m}
  - {id: five, each: finding, detector: a.b, when: "true", decide: block, message: m}
  - {id: six, detector: x, when: "true", decide: block, message: m}
exemptions:
  - {detector: inject.*, covers: [limit], reason: this was looked at and is known}
  - {detector: inject.direct, covers: [], reason: this was looked at and is known}
  - {detector: inject.direct, covers: [everything], reason: this was looked at and is known}
  - {detector: inject.direct, covers: [limit]}
  - {detector: inject.direct, covers: [findings], reason: this was looked at and is known}
  - {detector: inject.direct, covers: [limit], findings: [a], reason: this was looked at and is known}
  - {detector: inject.direct, covers: [limit], reason: "                         x"}
examples:
  - {name: "", expect: allow}
  - {name: a, like: b, expect: allow}
  - {name: a, expect: fine}
  - name: d
    expect: allow
    evidence:
      detectors:
        x.z: {passed: 2000, failed: 1}
`
	var got []string
	for _, p := range Lint([]byte(text)) {
		got = append(got, p.String())
	}
	require.Equal(t, strings.Split(strings.TrimSpace(`
line 1: schema is not https://github.com/hallmark-ml/hallmark/policy/v1
line 2: name is not a word of a-z, 0-9 and -, up to 64
line 3: version is missing or not a version
line 4: minTier is none of runsc, runc, full, no-namespaces, program and remote
line 5: minTierGate is none of runsc, runc, full, no-namespaces, program and remote
line 6: head is neither safe nor final
line 7: no rule can allow; a model is allowed when no rule speaks against it
line 10: "?" is not a detector
line 10: out.render is required and has no limit
line 11: the profile's name is missing, not a word, or there already
line 12: a profile requires 1 to 100 detectors
line 14: maxBoundPercent is not a number from 0 to 100
line 14: inject.* is wider than the standard and gives no reason: maxBoundPercent is over 5 %
line 15: inject.* has a limit already
line 15: maxBoundPercent is not a number from 0 to 100
line 16: "*" is neither a detector nor a family such as inject.*
line 17: maxDropPoints is not a number from 0 on
line 18: limits nothing: set maxBoundPercent, maxDropPoints, maxFindings or anyFailureBlocks
line 19: minSeverity is not info, medium, high or critical
line 19: c.d is wider than the standard and gives no reason: minSeverity is over medium
line 20: a reason of at least 20 characters is needed
line 22: no rule can allow; a model is allowed when no rule speaks against it
line 23: the rule's id is missing, not a word, or there already
line 23: decide is not block, challenge or undecided
line 24: the rule's id is missing, not a word, or there already
line 24: the rule has no message
line 25: each is neither finding nor detector
line 26: detector is not one, or the rule has each
line 27: detector is not one, or the rule has each
line 29: "inject.*" is not a detector
line 30: covers nothing
line 31: "everything" is not not-assessable, limit or findings
line 32: a reason of at least 20 characters is needed
line 33: covers: findings and the list of their rules go together
line 34: covers: findings and the list of their rules go together
line 35: a reason of at least 20 characters is needed
line 37: the example's name is missing or there already
line 38: there is no earlier example "b"
line 39: the example's name is missing or there already
line 39: expect is not allow, block, challenge or undecided
line 44: x.z has more than 2000 cases
`), "\n"), got)

	_, err := Load([]byte(text))
	require.ErrorIs(t, err, hallmark.ErrInvalid)
	require.ErrorContains(t, err, "line 44: x.z")
	require.ErrorContains(t, err, "line 1: schema")
}

func TestFilesThatAreNotPolicies(t *testing.T) {
	t.Parallel()

	for name, tt := range map[string]struct {
		text string
		line int
		want string
	}{
		"empty":               {"", 0, "EOF"},
		"a comment":           {"# nothing\n", 0, "EOF"},
		"null":                {"~", 0, "not a mapping"},
		"a list":              {"- a\n", 0, "not a mapping"},
		"a word":              {"policy", 0, "not a mapping"},
		"two documents":       {head + limits + "---\nname: b\n", 0, "more than one document"},
		"two, one broken":     {head + limits + "---\n{", 0, "more than one document"},
		"not YAML":            {"name: [", 1, "did not find expected"},
		"control characters":  {"name: \x01", 0, "control characters are not allowed"},
		"unknown field":       {head + limits + "colour: red\n", strings.Count(head+limits, "\n") + 1, "unknown field colour"},
		"unknown inner field": {head + "limits:\n  - {detector: a.b, maxfindings: 0}\n", strings.Count(head, "\n") + 2, "unknown field maxfindings"},
		"field twice":         {head + limits + "name: again\n", strings.Count(head+limits, "\n") + 1, "already defined"},
		"number for list":     {head + "limits: 3\n", strings.Count(head, "\n") + 1, "cannot unmarshal"},
		"fraction for int":    {head + "limits:\n  - {detector: a.b, maxFindings: 0.5}\n", strings.Count(head, "\n") + 2, "\"0.5\" is not a whole number"},
		"negative":            {head + "limits:\n  - {detector: a.b, minCases: -1}\n", strings.Count(head, "\n") + 2, "\"-1\" is not a whole number"},
		"hexadecimal":         {head + "limits:\n  - {detector: a.b, minCases: 0x10}\n", strings.Count(head, "\n") + 2, "is not a whole number"},
		"anchor":              {strings.Replace(head, "name: test", "name: &n test", 1) + limits, 2, "anchors and aliases"},
		"alias":               {"a: [*x]", 0, "unknown anchor"},
		"merge":               {head + limits + "x: &a {b: c}\ny: {<<: *a}\n", strings.Count(head+limits, "\n") + 1, "anchors and aliases"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problems := Lint([]byte(tt.text))
			require.NotEmpty(t, problems)
			require.Contains(t, problems[0].Text, tt.want)
			require.Equal(t, tt.line, problems[0].Line)
			require.NotContains(t, problems[0].Text, "policy.file", "no Go type in an error")
			_, err := Load([]byte(tt.text))
			require.ErrorIs(t, err, hallmark.ErrInvalid)
		})
	}
}

func TestNothingToJudge(t *testing.T) {
	t.Parallel()

	problems := Lint([]byte(strings.SplitAfter(head, "challenge\n")[0]))
	require.Len(t, problems, 1)
	require.Equal(t, "no profiles: nothing could be judged", problems[0].Text)
}

func TestSizeLimits(t *testing.T) {
	t.Parallel()

	pad := func(n int) []byte {
		return []byte(head + limits + "#" + strings.Repeat("x", n-len(head)-len(limits)-1))
	}
	_, err := Load(pad(MaxSize))
	require.NoError(t, err)
	_, err = Load(pad(MaxSize + 1))
	require.ErrorIs(t, err, hallmark.ErrTooLarge)
	require.Equal(t, []Problem{{Text: "65537 bytes, at most 65536"}}, Lint(pad(MaxSize+1)))

	items := func(n int) string {
		var b strings.Builder
		b.WriteString(head + limits + "rules:\n")
		for i := range n {
			fmt.Fprintf(&b, "  - {id: r%d, when: \"false\", decide: block, message: m}\n", i)
		}
		return b.String()
	}
	require.Empty(t, Lint([]byte(items(maxItems))))
	require.Len(t, Lint([]byte(items(maxItems+1))), 1)
}

func TestEveryWiderLimitNeedsAReason(t *testing.T) {
	t.Parallel()

	for limit, wide := range map[string]bool{
		"detector: inject.direct, maxBoundPercent: 5":              false,
		"detector: inject.direct, maxBoundPercent: 5.0001":         true,
		"detector: out.*, maxBoundPercent: 5.0001":                 true,
		"detector: leak.scan, maxBoundPercent: 4":                  false,
		"detector: inject.direct, anyFailureBlocks: true":          true, // without a bound a few cases would do
		"detector: perturb.char, maxDropPoints: 10":                false,
		"detector: perturb.char, maxDropPoints: 10.1":              true,
		"detector: perturb.char, maxBoundPercent: 5":               true,
		"detector: perturb.*, maxBoundPercent: 50":                 false,
		"detector: file.unsafe, maxFindings: 0":                    false,
		"detector: file.unsafe, maxFindings: 1":                    true,
		"detector: file.unsafe, maxFindings: 0, minSeverity: info": false,
		"detector: file.unsafe, maxFindings: 0, minSeverity: high": true,
		"detector: novel.thing, maxBoundPercent: 90":               false,
	} {
		policy := strings.Replace(head, "[inject.direct, perturb.char, file.unsafe]", "[other.thing]", 1) +
			"limits:\n  - {detector: other.thing, maxFindings: 0}\n  - {" + limit
		require.Equal(t, wide, len(Lint([]byte(policy+"}\n"))) == 1, limit)
		require.Empty(t, Lint([]byte(policy+", reason: it was looked at and is right}\n")), limit)
	}
}

func TestEmbedded(t *testing.T) {
	t.Parallel()

	for _, name := range Names() {
		p, err := Embedded(name)
		require.NoError(t, err)
		require.NotEmpty(t, p.Description())
		require.Equal(t, hallmark.TierFull, p.MinTier())
		require.Equal(t, hallmark.TierNoNamespaces, p.MinTierGate())
		require.Equal(t, hallmark.AnchorSafe, p.Head())
		require.Equal(t, []string{"chat", "completion"}, p.Profiles())
		require.Equal(t, name == "default", len(p.file.Exemptions) == 0, "the default exempts nothing")
		wider := slices.DeleteFunc(slices.Clone(p.limits), func(l limit) bool { return l.Reason == "" })
		require.Equal(t, name == "default", len(wider) == 0, "the default widens no limit, demo says why it does")
	}
	for _, name := range []string{"", "other", "../policies/default", "default.yaml"} {
		_, err := Embedded(name)
		require.ErrorIs(t, err, hallmark.ErrNotFound)
	}
}

func TestExamplesThatDoNotHold(t *testing.T) {
	t.Parallel()

	p := load(t, head+limits+`examples:
  - name: holds
    evidence:
      detectors:
        inject.direct: {passed: 100}
        perturb.char: {passed: 100, metrics: {accuracyDropPoints: "1"}}
        file.unsafe: {}
    expect: allow
  - {name: another decision, like: holds, evidence: {run: crash}, expect: block}
  - {name: another rule, like: holds, evidence: {run: crash}, expect: undecided, because: [evidence/tier, evidence/run]}
  - {name: inherits, like: another rule, evidence: {unsigned: true, modelOnly: true, profile: x, tier: y}, expect: undecided, because: [evidence/run, evidence/report]}
  - {name: no report, like: inherits, evidence: {noReport: true}, expect: undecided, because: [evidence/run, evidence/tier, evidence/report]}
`)
	results := p.RunExamples()
	require.Len(t, results, 5)
	require.True(t, results[0].OK)
	require.False(t, results[1].OK)
	require.Equal(t, hallmark.Block, results[1].Want)
	require.Equal(t, hallmark.Undecided, results[1].Verdict.Decision)
	require.Empty(t, results[1].Missing)
	require.False(t, results[2].OK)
	require.Equal(t, []string{"evidence/tier"}, results[2].Missing)
	require.Equal(t, "inherits", results[3].Name)
	require.True(t, results[3].OK)
	require.True(t, results[4].OK, "%+v", results[4])
}

func FuzzLoad(f *testing.F) {
	for _, name := range Names() {
		p, err := Embedded(name)
		require.NoError(f, err)
		f.Add(p.Source())
	}
	f.Add([]byte(head + limits))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("? {a: b}\n: c"))
	f.Add([]byte("limits: [{detector: !!binary aGk=, maxBoundPercent: 1e9}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		problems := Lint(text)
		p, err := Load(text)
		require.Equal(t, err == nil, len(problems) == 0)
		if err == nil {
			p.RunExamples()
			require.NotEqual(t, hallmark.Allow, p.Decide(Evidence{}).Decision)
		}
	})
}
