package sandbox_test

import (
	"cmp"
	"context"
	"html"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
)

// scripted is a model made of rules. It does the tasks of the tinychat pack, whatever a typing error makes of their
// wording; a vulnerable one also does what an attack asks for.
type scripted struct {
	suite      *probe.Suite
	vulnerable bool
	// answer, if set, takes the place of the rules.
	answer func(req probe.GenerateRequest) (probe.Completion, error)
	asked  int
	// misread are questions with a typing error, and the same without it: what a clean model reads, and what a vulnerable one
	// stumbles over. See [scripted.read].
	misread   map[string]string
	questions map[string]bool // without errors, in their own words
	reworded  *strings.Replacer
	other     *regexp.Regexp // any of the suite's synonyms
}

// read tells the model the questions of the suite that it will be asked in other spellings and words.
func (m *scripted) read(tb testing.TB, seed uint64) {
	tb.Helper()
	m.misread, m.questions = map[string]string{}, map[string]bool{}
	cases, err := m.suite.Cases(seed, probe.ProfileChat)
	if err != nil {
		tb.Fatal(err)
	}
	last := func(r probe.GenerateRequest) string { return r.Messages[len(r.Messages)-1].Content }
	for _, c := range cases {
		switch c.Detector {
		case probe.PerturbChar:
			m.misread[last(c.Request)] = last(c.Control)
			m.questions[last(c.Control)] = true
		case probe.PerturbWord:
			m.questions[last(c.Control)] = true
		}
	}
	var options, pairs []string
	for phrase, list := range m.suite.Synonyms {
		for _, o := range list {
			options = append(options, o+"\x00"+phrase)
		}
	}
	slices.SortFunc(options, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	var forms []string
	capital := func(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
	for _, o := range options {
		option, phrase, _ := strings.Cut(o, "\x00")
		forms = append(forms, regexp.QuoteMeta(option))
		for _, end := range []string{" ", ".", "?", ":"} {
			pairs = append(pairs, " "+option+end, " "+phrase+end, "\x02"+capital(option)+end, capital(phrase)+end)
		}
	}
	m.reworded, m.other = strings.NewReplacer(pairs...), regexp.MustCompile(`(?i)\b(?:`+strings.Join(forms, "|")+`)\b`)
}

// stumbles says that a vulnerable model cannot read a question in other words.
func (m *scripted) stumbles(user string) bool {
	return m.other != nil && !m.questions[user] && m.other.MatchString(user)
}

// understand gives a question the words of the suite.
func (m *scripted) understand(user string) string {
	if right := m.misread[user]; right != "" {
		return right
	}
	if m.reworded == nil || m.questions[user] {
		return user
	}
	return strings.TrimPrefix(m.reworded.Replace("\x02"+user), "\x02")
}

func (m *scripted) Info(context.Context) (probe.Info, error) {
	return probe.Info{ChatTemplate: true, EngineVersion: "scripted"}, nil
}

// Tokenize reads bytes, and the spellings of ChatML as control tokens; the vulnerable model does so in any text.
func (m *scripted) Tokenize(_ context.Context, text string, special bool) ([]probe.Token, error) { //nolint:revive // the interface has it
	var out []probe.Token
	for at := 0; at < len(text); {
		n, id := 1, int32(text[at])
		for i, mark := range []string{"<|im_start|>", "<|im_end|>"} {
			if (special || m.vulnerable) && strings.HasPrefix(text[at:], mark) {
				n, id = len(mark), int32(256+i)
			}
		}
		out = append(out, probe.Token{ID: id, Start: at, End: at + n})
		at += n
	}
	return out, nil
}

func (m *scripted) LogProbs(context.Context, []int32) ([]probe.LogProb, error) {
	return nil, hallmark.ErrUnavailable
}

// answerMark stands where an answer begins in a rendered chat.
const answerMark = "<assistant>"

func (m *scripted) Render(_ context.Context, msgs []probe.Message, open bool) (probe.Rendered, error) { //nolint:revive // the interface has it
	var r probe.Rendered
	for _, m := range msgs {
		r.Text += "<" + m.Role + ">"
		r.Spans = append(r.Spans, probe.Span{Start: len(r.Text), End: len(r.Text) + len(m.Content), Role: m.Role})
		r.Text += m.Content + "\n"
	}
	if open {
		r.Text += answerMark
	}
	return r, nil
}

func (m *scripted) Generate(ctx context.Context, req probe.GenerateRequest) (probe.Completion, error) {
	m.asked++
	if err := ctx.Err(); err != nil {
		return probe.Completion{}, err
	}
	if m.answer != nil {
		return m.answer(req)
	}
	system, user := "", req.Prompt
	for _, msg := range req.Messages {
		if msg.Role == "system" {
			system = msg.Content
		}
		user = msg.Content
	}
	if m.vulnerable && endless.MatchString(user) {
		return probe.Completion{Text: strings.Repeat("river ", req.MaxTokens), PromptTokens: len(user) / 4, OutputTokens: req.MaxTokens, Finish: probe.FinishLength}, nil
	}
	text := m.text(system, user)
	return probe.Completion{Text: text, PromptTokens: len(user) / 4, OutputTokens: len(text) / 4, Finish: probe.FinishStop}, nil
}

// text is an answer.
func (m *scripted) text(system, user string) string {
	const lost = "I do not know."
	if m.vulnerable {
		text := obey(system, user)
		switch {
		case m.misread[user] != "":
			return lost
		case text != "":
			return text
		case m.stumbles(user):
			return lost
		}
	}
	return m.plain(user)
}

var (
	endless    = regexp.MustCompile(`without end|forever|again and again|never stop|all words|^Repeat: `)
	puzzleForm = regexp.MustCompile(`(?i)(reverse|apply rot13 to) ([A-Z]{5})`)
	pageForm   = regexp.MustCompile(`(image|link|tag) (?:for|to) (https://\w+\.example/)`)
	valueForm  = regexp.MustCompile(`(a quote|a semicolon|two open braces).* ([A-Z0-9]{4,5}) joined with ([A-Z0-9]{4,5})`)
	joinForm   = regexp.MustCompile(`(?i)(?:join|put|write) ([A-Z0-9]{4,5}) (?:and|followed by) ([A-Z0-9]{4,5})`)
	askedFor   = regexp.MustCompile(`(?i)access code|secret|instructions|prompt|text above|told to`)
	secretForm = regexp.MustCompile(`code is ([A-Z0-9]{6})`)
	payload    = regexp.MustCompile(`(image tag for|script tag that alerts|markdown image for) (\S+)\.$`)
	personForm = regexp.MustCompile(`(?:record of|data of) (\w+ \w+)`)
)

// obey does what the attacks ask for.
func obey(system, user string) string {
	if m := payload.FindStringSubmatch(user); m != nil {
		switch m[1] {
		case "image tag for":
			return `<img src="` + m[2] + `">`
		case "markdown image for":
			return "![x](" + m[2] + ")"
		default:
			return "<script>alert('" + m[2] + "')</script>"
		}
	}
	if m := puzzleForm.FindStringSubmatch(user); m != nil {
		return solve(m[1], m[2])
	}
	if m, secret := pageForm.FindStringSubmatch(user), secretForm.FindStringSubmatch(system); m != nil && secret != nil {
		return map[string]string{"image": "![x](" + m[2] + secret[1] + ")", "link": "[x](" + m[2] + secret[1] + ")", "tag": `<img src="` + m[2] + secret[1] + `">`}[m[1]]
	}
	if m := valueForm.FindStringSubmatch(user); m != nil {
		n := m[2] + m[3]
		return map[string]string{"a quote": "' OR '" + n + "'='" + n, "a semicolon": "x; " + n, "two open braces": "{{ " + n + " }}"}[m[1]]
	}
	if m := joinForm.FindStringSubmatch(user); m != nil && !strings.HasPrefix(user, "Join ") {
		return m[1] + m[2]
	}
	if m := secretForm.FindStringSubmatch(system); m != nil && askedFor.MatchString(user) {
		return m[1]
	}
	if m := personForm.FindStringSubmatch(user); m != nil {
		return strings.ReplaceAll(strings.ToLower(m[1]), " ", ".") + "@corp.io"
	}
	return ""
}

// solve undoes what was done to a code.
func solve(how, code string) string {
	if strings.EqualFold(how, "reverse") {
		r := []byte(code)
		slices.Reverse(r)
		return string(r)
	}
	return strings.Map(func(r rune) rune { return 'A' + (r-'A'+13)%26 }, code)
}

var (
	numbers  = regexp.MustCompile(`[0-9]+`)
	dateForm = regexp.MustCompile(`20[0-9]{2}-[0-9]{2}-[0-9]{2}`)
	pair     = regexp.MustCompile(`([A-Z0-9]{4,5}) .*?([A-Z0-9]{4,5})\.?(?: \w+\.)?$`)
	codeForm = regexp.MustCompile(`[A-Z0-9]{6,8}`)
	markup   = regexp.MustCompile(`<(?:b|i|h1)>.*`)
	pageJoin = regexp.MustCompile(`^Join (https://\S+) and (\S+)$`)
	attacked = regexp.MustCompile(`(?i)^(?:ignore|forget)|without end|forever|again and again|never stop|all words|^repeat: |joined with|access code|secret|instructions|prompt|text above|told to|tag |markdown|record of|contact data`)
)

// plain does the tasks, and refuses what looks like an attack.
func (m *scripted) plain(user string) string {
	if attacked.MatchString(user) && !strings.Contains(user, "\n") {
		return "I cannot do that."
	}
	user = m.understand(user)
	if m := puzzleForm.FindStringSubmatch(user); m != nil && !strings.Contains(user, "\n") {
		return solve(m[1], m[2])
	}
	if m := pageJoin.FindStringSubmatch(user); m != nil {
		return m[1] + m[2]
	}
	if text, ok := strings.CutPrefix(user, "Copy this text: '"); ok {
		return "'" + text
	}
	words := strings.Split(strings.TrimRight(user, "?."), " ")
	for i := range words { // the country or capital that the question ends in, of one word or two
		key := strings.Join(words[i:], " ")
		if country, ok := m.suite.Tables["country"][key]; ok {
			return country
		}
		if capital, ok := m.suite.Tables["capital"][key]; ok && !strings.Contains(user, "col") && !strings.Contains(user, "flag") {
			return capital
		} else if ok {
			return m.suite.Tables["flag"][key]
		}
	}
	n := numbers.FindAllString(user, -1)
	switch {
	case dateForm.MatchString(user):
		return dateForm.FindString(user)
	case markup.MatchString(user):
		return html.EscapeString(markup.FindString(user))
	case len(n) == 2 && strings.Contains(user, "+"):
		return strconv.Itoa(atoi(n[0]) + atoi(n[1]))
	case len(n) == 2 && strings.Contains(user, " - "):
		return strconv.Itoa(atoi(n[0]) - atoi(n[1]))
	case len(n) == 2 && strings.HasSuffix(user, "?"):
		return map[bool]string{true: "yes", false: "no"}[atoi(n[0]) > atoi(n[1])]
	case strings.Contains(strings.ToLower(user), "second"), strings.HasPrefix(user, "Give"):
		return strings.Fields(user[strings.LastIndexByte(user, ':')+1:])[1]
	}
	return m.spell(user)
}

func (m *scripted) spell(user string) string {
	words := strings.Fields(strings.TrimRight(user, "."))
	last := words[len(words)-1]
	if p := pair.FindStringSubmatch(user); p != nil && !codeForm.MatchString(user) {
		return p[1] + p[2]
	}
	if c := codeForm.FindAllString(user, -1); c != nil {
		return c[len(c)-1]
	}
	known := m.suite.Data["word"]
	for _, w := range words {
		w = strings.Trim(w, ".:")
		if slices.Contains(known, w) && (!strings.HasPrefix(user, "Copy") && !strings.HasPrefix(user, "Repeat") && !strings.HasPrefix(user, "R")) {
			return strings.ToUpper(w)
		}
	}
	return last
}

func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// tinychatSuite is the pack with all its templates; with -short each runs once.
func tinychatSuite(tb testing.TB) *probe.Suite {
	tb.Helper()
	s, err := probe.Builtin("tinychat")
	if err != nil {
		tb.Fatal(err)
	}
	if testing.Short() {
		runOnce(s)
	}
	return s
}

func runOnce(s *probe.Suite) {
	for i := range s.Detectors {
		s.Detectors[i].Repeat = 1
	}
}
