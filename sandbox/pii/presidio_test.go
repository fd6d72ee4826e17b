package pii_test

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/sandbox/pii"
	"github.com/hallmark-ml/hallmark/sandbox/pii/phone"
)

// vectorsEnv names what testdata/vectors.py wrote from a checkout of Presidio, which is not part of the project.
const vectorsEnv = "HALLMARK_PII_VECTORS"

type vector struct {
	File     string
	Entities []string
	Text     string
	Count    int
	Spans    [][2]int // in code points
}

func readVectors(t *testing.T) []vector {
	t.Helper()
	path := os.Getenv(vectorsEnv)
	if path == "" {
		t.Skip("no vectors of Presidio: set " + vectorsEnv)
	}
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	var out []vector
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var v vector
		require.NoError(t, json.Unmarshal(lines.Bytes(), &v))
		out = append(out, v)
	}
	return out
}

// regionOf are entities of Presidio that are phone numbers of one region here.
var regionOf = map[string]string{"PH_MOBILE_NUMBER": "PH", "TR_PHONE_NUMBER": "TR"}

func vectorConfig(entity string) pii.Config {
	if region := regionOf[entity]; region != "" {
		return pii.Config{Entities: []string{"PHONE_NUMBER"}, All: true, Least: pii.Weak, Phone: phone.Checker(region)}
	}
	return pii.Config{Entities: []string{entity}, All: true}
}

// Labelled vectors of Presidio's recognizers: the same values are found at the same places, and nothing else, whatever
// the confidence.
func TestPresidioVectors(t *testing.T) {
	t.Parallel()

	vectors := readVectors(t)
	passed, byFile := 0, map[string][2]int{}
	for _, v := range vectors {
		entity := v.Entities[0]
		s := pii.NewScanner(vectorConfig(entity))
		var got [][2]int
		for _, m := range s.Scan(v.Text) {
			got = append(got, [2]int{utf8.RuneCountInString(v.Text[:m.Start]), utf8.RuneCountInString(v.Text[:m.End])})
		}
		ok := len(got) == v.Count
		for i, span := range v.Spans[:min(v.Count, len(v.Spans))] {
			ok = ok && i < len(got) && got[i] == span
		}
		n := byFile[v.File]
		n[1]++
		if ok {
			passed++
			n[0]++
		} else {
			t.Logf("%s %q: got %v, want %d %v", entity, v.Text, got, v.Count, v.Spans)
		}
		byFile[v.File] = n
	}
	t.Logf("%d of %d vectors: %.4f", passed, len(vectors), float64(passed)/float64(len(vectors)))
	require.GreaterOrEqual(t, float64(passed)/float64(len(vectors)), 0.98)
}
