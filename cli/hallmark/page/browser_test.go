package page

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A browser is a headless Chromium, driven through the pipe of its DevTools protocol: messages in JSON, each ended by a zero
// byte. It is for one goroutine.
type browser struct {
	out     *os.File
	in      *bufio.Reader
	pipe    *os.File // behind in
	id      int
	session string // of the open page
	events  []event
}

// An event is what the browser tells by itself.
type event struct {
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

// startBrowser starts the Chromium that is installed, or skips.
func startBrowser(t *testing.T) *browser {
	t.Helper()
	var program string
	for _, name := range []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		t.Skip("no Chromium is installed: run `make deps`")
	}
	flags := []string{
		"--headless", "--remote-debugging-pipe", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir=" + t.TempDir(),
	}
	if os.Geteuid() == 0 { // whom Chromium's own sandbox does not take
		flags = append(flags, "--no-sandbox")
	}
	theirIn, ourOut, err := os.Pipe()
	require.NoError(t, err)
	ourIn, theirOut, err := os.Pipe()
	require.NoError(t, err)
	cmd := exec.Command(program, flags...) //nolint:noctx // ended below, by its own command
	cmd.ExtraFiles = []*os.File{theirIn, theirOut}
	require.NoError(t, cmd.Start())
	require.NoError(t, theirIn.Close())
	require.NoError(t, theirOut.Close())
	b := &browser{out: ourOut, in: bufio.NewReader(ourIn), pipe: ourIn}
	t.Cleanup(func() {
		b.session = ""
		b.call(t, "Browser.close", nil, nil)
		_ = cmd.Wait() // its exit says nothing of the page
		require.NoError(t, ourOut.Close())
		require.NoError(t, ourIn.Close())
	})
	return b
}

// call sends a command and reads up to its answer. What is told meanwhile is kept.
func (b *browser) call(t *testing.T, method string, params, result any) {
	t.Helper()
	b.id++
	if params == nil {
		params = struct{}{}
	}
	text, err := json.Marshal(map[string]any{"id": b.id, "method": method, "params": params, "sessionId": b.session})
	if b.session == "" {
		text, err = json.Marshal(map[string]any{"id": b.id, "method": method, "params": params})
	}
	require.NoError(t, err)
	_, err = b.out.Write(append(text, 0))
	require.NoError(t, err)
	for {
		m := b.read(t)
		if m.ID != b.id {
			continue
		}
		require.Empty(t, string(m.Error), method)
		if result != nil {
			require.NoError(t, json.Unmarshal(m.Result, result))
		}
		return
	}
}

// A message is an answer or an event.
type message struct {
	event

	ID     int             `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  json.RawMessage `json:"error"`
}

func (b *browser) read(t *testing.T) message {
	t.Helper()
	require.NoError(t, b.pipe.SetReadDeadline(time.Now().Add(2*time.Minute))) // one that hangs fails the test
	text, err := b.in.ReadBytes(0)
	require.NoError(t, err)
	var m message
	require.NoError(t, json.Unmarshal(text[:len(text)-1], &m))
	if m.Method != "" {
		b.events = append(b.events, m.event)
	}
	return m
}

// A window is how a page is looked at.
type window struct {
	Width, Height int
	Scheme        string // "light" or "dark"
	Print         bool
}

// open opens a file in a window of its own and waits until it is loaded. The page of the call before is closed.
func (b *browser) open(t *testing.T, path string, w window) {
	t.Helper()
	if b.session != "" {
		b.call(t, "Page.close", nil, nil)
		b.session = ""
	}
	var target struct {
		TargetID string `json:"targetId"`
	}
	b.call(t, "Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var session struct {
		SessionID string `json:"sessionId"`
	}
	b.call(t, "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &session)
	b.session, b.events = session.SessionID, nil
	for _, domain := range []string{"Page", "Runtime", "Log", "Network", "Audits"} {
		b.call(t, domain+".enable", nil, nil)
	}
	b.call(t, "Emulation.setDeviceMetricsOverride", map[string]any{"width": w.Width, "height": w.Height, "deviceScaleFactor": 1, "mobile": w.Width < 600}, nil)
	media := ""
	if w.Print {
		media = "print"
	}
	b.call(t, "Emulation.setEmulatedMedia", map[string]any{"media": media, "features": []map[string]string{{"name": "prefers-color-scheme", "value": w.Scheme}}}, nil)
	absolute, err := filepath.Abs(path)
	require.NoError(t, err)
	b.call(t, "Page.navigate", map[string]any{"url": "file://" + absolute}, nil)
	for !b.told("Page.loadEventFired") {
		b.read(t)
	}
}

func (b *browser) told(method string) bool {
	for _, e := range b.events {
		if e.Method == method {
			return true
		}
	}
	return false
}

// evaluate runs a script in the page, whose own policy does not hold for it, and reads its value.
func (b *browser) evaluate(t *testing.T, script string, value any) {
	t.Helper()
	var got struct {
		Result struct {
			Value json.RawMessage `json:"value"`
		} `json:"result"`
		Exception json.RawMessage `json:"exceptionDetails"`
	}
	b.call(t, "Runtime.evaluate", map[string]any{"expression": script, "returnByValue": true}, &got)
	require.Empty(t, string(got.Exception))
	if value != nil {
		require.NoError(t, json.Unmarshal(got.Result.Value, value))
	}
}

// A look is what testdata/look.js says of a page.
type look struct {
	Width      float64
	Outside    []string // elements that end right of the window
	Cut        []string // elements that their content does not fit into
	Headings   []int
	Contrast   float64
	Faint      []string // texts under 4.5:1
	Small      []string // texts under 10.5 px
	Twice      []string // ids
	Nowhere    []string // links that lead nowhere in the page
	Landmarks  []int    // header, nav, main, footer
	Active     []string
	Unlabelled []string
	Pwned      string
	Title      string
}

func (b *browser) look(t *testing.T, width int) look {
	t.Helper()
	script, err := os.ReadFile("testdata/look.js")
	require.NoError(t, err)
	b.evaluate(t, "document.querySelectorAll('details').forEach((d) => { d.open = true; })", nil)
	var text string
	b.evaluate(t, fmt.Sprintf("%s(%d)", script, width), &text)
	var l look
	require.NoError(t, json.Unmarshal([]byte(text), &l))
	return l
}

// quiet requires that the browser asked for nothing but the page, and complained of nothing.
func (b *browser) quiet(t *testing.T) {
	t.Helper()
	requests := 0
	for _, e := range b.events {
		switch e.Method {
		case "Network.requestWillBeSent":
			requests++
		case "Log.entryAdded", "Audits.issueAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Page.javascriptDialogOpening", "Page.frameScheduledNavigation", "Target.targetCreated":
			require.Failf(t, "the browser tells", "%s %.600s", e.Method, e.Params)
		}
	}
	require.Equal(t, 1, requests)
}

// accessible requires that every picture, table and part of the page has a name for those who hear it.
func (b *browser) accessible(t *testing.T) {
	t.Helper()
	type value struct{ Value any }
	var tree struct {
		Nodes []struct {
			Ignored    bool
			Role, Name value
		}
	}
	b.call(t, "Accessibility.getFullAXTree", nil, &tree)
	roles := map[any]int{}
	for _, n := range tree.Nodes {
		if n.Ignored {
			continue
		}
		roles[n.Role.Value]++
		switch n.Role.Value {
		case "image", "img", "figure", "table", "region", "navigation", "heading", "link":
			require.NotEmpty(t, n.Name.Value, "%v", n.Role.Value)
		}
	}
	require.Equal(t, 1, roles["main"], roles)
	require.Equal(t, 1, roles["banner"], roles)
	require.NotZero(t, roles["region"], roles)
	require.Equal(t, 1, roles["navigation"], roles)
}

// Each kind of page, on a screen and on a phone, in both colour schemes, with everything in it opened.
func TestPageInABrowser(t *testing.T) {
	t.Parallel()

	b := startBrowser(t)
	for name, c := range map[string]Content{
		"everything": blocked("", "text"), "hostile": blocked(hostile, hostile), "one long word": blocked(strings.Repeat("word", 60), "text"), "a budget": sampledRun(),
		"untested": untested(), "nothing assessable": incapable(),
	} {
		path := writePage(t, written(t, c))
		for _, w := range []window{{Width: 1280, Height: 900, Scheme: "light"}, {Width: 390, Height: 844, Scheme: "dark"}, {Width: 1160, Height: 900, Scheme: "dark"}, {Width: 320, Height: 600, Scheme: "light"}} {
			at := fmt.Sprintf("%s, %d pixels, %s", name, w.Width, w.Scheme)
			b.open(t, path, w)
			b.quiet(t)
			l := b.look(t, w.Width)
			for what, list := range map[string][]string{
				"outside": l.Outside, "cut": l.Cut, "faint": l.Faint, "twice": l.Twice, "nowhere": l.Nowhere, "active": l.Active, "unlabelled": l.Unlabelled,
			} {
				require.Empty(t, list, "%s: %s", at, what)
			}
			require.LessOrEqual(t, l.Width, float64(w.Width), at)
			if w.Width >= 390 {
				require.Empty(t, l.Small, at)
			}
			require.GreaterOrEqual(t, l.Contrast, 4.5, at)
			require.Equal(t, []int{1, 1, 1, 1}, l.Landmarks, at)
			require.Equal(t, 1, l.Headings[0], at)
			for i, level := range l.Headings[1:] {
				require.Greater(t, level, 1, "%s: one title", at)
				require.LessOrEqual(t, level, l.Headings[i]+1, "%s: heading %d leaves a level out", at, i+1)
			}
			require.Equal(t, "undefined", l.Pwned, at)
			b.quiet(t)
		}
		b.accessible(t)
	}
}

// What is folded away on a screen is on paper, but for the texts of cases, and a PDF comes of it.
func TestPageOnPaper(t *testing.T) {
	t.Parallel()

	b := startBrowser(t)
	b.open(t, writePage(t, written(t, sampledRun())), window{Width: 800, Height: 1100, Scheme: "dark", Print: true})
	var visible struct {
		Values, Texts, Nav bool
		Paper              string
	}
	b.evaluate(t, `({
		values: [...document.querySelectorAll('.always > *')].every((e) => e.checkVisibility()),
		texts: [...document.querySelectorAll('.texts pre')].some((e) => e.checkVisibility()),
		nav: document.querySelector('nav').checkVisibility(),
		paper: getComputedStyle(document.body).backgroundColor,
	})`, &visible)
	require.True(t, visible.Values)
	require.False(t, visible.Texts)
	require.False(t, visible.Nav)
	require.Equal(t, "rgb(255, 255, 255)", visible.Paper, "also where the screen is dark")
	var pdf struct{ Data []byte }
	b.call(t, "Page.printToPDF", map[string]any{"printBackground": true}, &pdf)
	require.True(t, bytes.HasPrefix(pdf.Data, []byte("%PDF-")))
}

// The policy in the page stops what the template would let through.
func TestPolicyStopsScriptsAndRequests(t *testing.T) {
	t.Parallel()

	asked := make(chan string, 8)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.URL.Path }))
	defer server.Close()
	b := startBrowser(t)
	page := strings.Replace(written(t, untested()), "</main>", fmt.Sprintf(
		`<script>window.pwned = 1</script><style>main { display: none }</style><img src="%[1]s/image"><iframe src="%[1]s/frame"></iframe><script src="%[1]s/script"></script><p style="background: url(%[1]s/style)">x</p></main>`,
		server.URL), 1)
	b.open(t, writePage(t, page), window{Width: 1280, Height: 900, Scheme: "light"})
	var state struct {
		Pwned   string
		Visible bool
	}
	b.evaluate(t, "({pwned: String(window.pwned), visible: document.querySelector('main').checkVisibility()})", &state)
	require.Equal(t, "undefined", state.Pwned)
	require.True(t, state.Visible, "another style sheet does not count")
	stopped := 0
	for _, e := range b.events {
		if e.Method == "Audits.issueAdded" && strings.Contains(string(e.Params), "ContentSecurityPolicyIssue") {
			stopped++
		}
	}
	require.GreaterOrEqual(t, stopped, 6)
	require.Empty(t, asked)
}
