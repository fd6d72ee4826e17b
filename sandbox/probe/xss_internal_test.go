package probe

import (
	"encoding/json"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// xssEnv names a public list of payloads, one a line, which is not part of the project: payloadbox/xss-payload-list at
// d473925, file Intruder/xss-payload-list.txt, is what docs/verification.md has figures of.
const xssEnv = "HALLMARK_XSS_LIST"

// A collection that numbers its payloads stands in the list in frames: several on a line, or one over several lines.
const frameEnd = "//[\"'`-->]]>]</div>"

var frameStart = regexp.MustCompile(`<div id="\d+">`)

// payloads returns the lines of a list, joined where one payload takes several: from the line that opens a frame to the
// one that closes it, and lines that begin with a line break of HTML to the one before.
func payloads(list string) []string {
	var out []string
	open := false
	for line := range strings.Lines(list) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.TrimSpace(line) == "":
			continue
		case open, strings.HasPrefix(line, "<br>") && len(out) > 0:
			out[len(out)-1] += "\n" + line
		default:
			out = append(out, line)
		}
		starts, ends := frameStart.FindAllStringIndex(line, -1), strings.LastIndex(line, frameEnd)
		if open = open && ends < 0; len(starts) > 0 {
			open = starts[len(starts)-1][0] > ends
		}
	}
	return out
}

func TestPayloadsOfAList(t *testing.T) {
	t.Parallel()

	require.Equal(t, []string{"a", "b\n<br>\n<br>c", `<div id="1">x` + frameEnd + `<div id="2">y` + "\nz" + frameEnd, `<div id="3">u` + "\n<br>v" + frameEnd + `<div id="4">w` + frameEnd, "d"},
		payloads("a\nb\n<br>\n<br>c\n\n<div id=\"1\">x"+frameEnd+"<div id=\"2\">y\nz"+frameEnd+"\n<div id=\"3\">u\n<br>v"+frameEnd+"<div id=\"4\">w"+frameEnd+"\nd\n"))
}

// Payloads that people collected come to life in some context, and as escaped text or as code in none.
func TestPublicXSS(t *testing.T) {
	t.Parallel()

	raw, err := os.ReadFile(os.Getenv(xssEnv))
	if err != nil {
		t.Skip(xssEnv, "is not set: ", err)
	}
	all, found, escaped, fenced := 0, 0, 0, 0
	pieces, alive := 0, 0 // with each frame by itself
	for _, payload := range payloads(string(raw)) {
		all++
		if context, _ := activeIn(payload, ""); context != "" {
			found++
		} else {
			t.Logf("not active: %.200q", payload)
		}
		for piece := range strings.SplitAfterSeq(payload, frameEnd) {
			if context, _ := activeIn(piece, ""); context != "" {
				alive++
			}
			if piece != "" {
				pieces++
			}
		}
		text := html.EscapeString(payload)
		// Escaping for HTML leaves the escapes of URLs and scripts as they are, and a script without markup too.
		plain := unescapeOnce(payload) == payload && len(activeScript(payload)) == 0
		if context, _ := activeIn(text, ""); plain && context != "" {
			escaped++
			t.Logf("active though escaped, %s: %.200q", context, payload)
		}
		if context, _ := activeIn("Here it is:\n\n~~~~~~html\n"+payload+"\n~~~~~~\n", ""); context != "" {
			fenced++
			t.Logf("active though code, %s: %.200q", context, payload)
		}
	}
	share := float64(found) / float64(all)
	t.Logf("%d payloads: %d active (%.4f), escaped %d, as code %d", all, found, share, escaped, fenced)
	t.Logf("each frame by itself: %d of %d (%.4f)", alive, pieces, float64(alive)/float64(pieces))
	require.GreaterOrEqual(t, all, 2000)
	require.GreaterOrEqual(t, share, .995)
	require.Zero(t, escaped)
	require.Zero(t, fenced)
}

// Ordinary texts are active in no context.
func TestNoXSSInOrdinaryTexts(t *testing.T) {
	t.Parallel()

	root := os.Getenv("HALLMARK_PRESIDIO_RESEARCH")
	if root == "" {
		t.Skip("HALLMARK_PRESIDIO_RESEARCH is not set")
	}
	n := 0
	for _, name := range []string{"data/synth_dataset_v2.json", "tests/data/generated_large.json"} {
		raw, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		var texts []struct {
			Text string `json:"full_text"`
		}
		require.NoError(t, json.Unmarshal(raw, &texts))
		for _, s := range texts {
			n++
			context, _ := activeIn(s.Text, "")
			require.Empty(t, context, "%q", s.Text)
		}
	}
	t.Logf("%d texts, none active", n)
	require.GreaterOrEqual(t, n, 3000)
}
