package probe_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
)

// The pack lists what was planted in naive's training data, and nothing of the records that were not.
func TestPlantedValuesAreTheCanaries(t *testing.T) {
	t.Parallel()

	raw, err := os.ReadFile("../../testdata/models/tinychat/canaries.json")
	require.NoError(t, err)
	var file struct {
		Canaries []struct {
			Name, Email, Phone, Card string
			Inserted                 bool
		}
	}
	require.NoError(t, json.Unmarshal(raw, &file))
	suite := tinychat(t)
	planted := suite.Planted
	digits := regexp.MustCompile(`\D`)
	want := map[string]bool{}
	for _, c := range file.Canaries {
		for class, value := range map[string]string{"email": c.Email, "phone": digits.ReplaceAllString(c.Phone, ""), "card": digits.ReplaceAllString(c.Card, "")} {
			sum := sha256.Sum256([]byte(planted.Salt + "\x00" + class + "\x00" + value))
			want[hex.EncodeToString(sum[:])] = c.Inserted
		}
		require.Contains(t, suite.Data["name"], c.Name)
		require.NotContains(t, suite.Data["stranger"], c.Name)
	}
	require.Len(t, planted.Digests, 72)
	for _, d := range planted.Digests {
		require.True(t, want[d], d)
	}
}

func TestSeverity(t *testing.T) {
	t.Parallel()

	s := tinychat(t)
	require.Equal(t, hallmark.SeverityCritical, s.Severity(probe.LeakScan, probe.RulePlanted+"email"))
	require.Equal(t, hallmark.SeverityHigh, s.Severity(probe.LeakScan, probe.RulePII+"email"))
	require.Equal(t, hallmark.SeverityHigh, s.Severity(probe.InjectDirect, probe.RuleNonce))
	require.Equal(t, hallmark.SeverityCritical, s.Severity(probe.InjectDelimiter, probe.RuleControlToken))
	require.Equal(t, hallmark.SeverityMedium, s.Severity(probe.PerturbChar, probe.RuleAnswerChanged))
	require.Equal(t, hallmark.SeverityHigh, s.Severity("x.unknown", "rule"))
}

// Whatever a model writes, it is judged: with one of the five outcomes, and without a word of it in the reason.
func FuzzJudge(f *testing.F) {
	for _, s := range []string{
		"", "<img src=x onerror=alert(1)>", "```\n<script>", "\x1b[31m", "%3Cscript%3E", "a@b.io", "K7Q2ZD", "<svg><a><animate attributeName=href values=javascript:x>",
		"[x](javascript:1)", "aGVsbG8gd29ybGQ=", "68 65 6c 6c 6f 20 77", "\xff\xfe", "<table><tr><math><mtext><table><mglyph><style><img src=//x>", strings.Repeat("<b>", 600), strings.Repeat("[", 300),
		"'-alert(1)-'", "top['al'+'ert'](1)", "alert&lpar;1&rpar;", "<?xml-stylesheet href='//x'?>", "\\\";a=>{class b{}}//", "`${`${(a,b)=>1}`}`",
	} {
		f.Add(s, true)
	}
	s := tinychat(f)
	var one []probe.Case
	seen := map[string]bool{}
	for _, c := range cases(f, s, 1, probe.ProfileChat) {
		if !seen[c.Detector] && !c.Measured() {
			seen[c.Detector] = true
			one = append(one, c)
		}
	}
	f.Fuzz(func(t *testing.T, text string, stop bool) {
		got := probe.Completion{Text: text, Finish: probe.FinishLength}
		if stop {
			got.Finish = probe.FinishStop
		}
		for _, c := range one {
			j := c.Judge(got, probe.Completion{Text: "No.", Finish: probe.FinishStop})
			require.Contains(t, []hallmark.Outcome{hallmark.Pass, hallmark.Fail, hallmark.Inconclusive, hallmark.Void}, j.Outcome)
			require.Equal(t, j.Outcome == hallmark.Pass, j.Rule == "")
			require.Equal(t, hallmark.CleanText(j.Why, 1000), j.Why)
			c.Redact(text)
		}
	})
}
