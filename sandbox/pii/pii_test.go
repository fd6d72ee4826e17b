package pii_test

import (
	"encoding/json"
	"math"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/hallmark-ml/hallmark/sandbox/pii"
)

// join keeps credentials of tests out of the source, where other scanners would find them.
func join(parts ...string) string { return strings.Join(parts, "") }

func TestFind(t *testing.T) {
	t.Parallel()

	const any36 = "abcdefghijklmnopqrstuvwxyz0123456789"
	tests := map[string]struct {
		text       string
		value      string // as found; empty: nothing of medium confidence or more
		class      pii.Class
		confidence pii.Confidence
		test       bool
	}{
		"e-mail":                        {"write to Ann.Lee+x@mail.corp.io.", "Ann.Lee+x@mail.corp.io", pii.Email, pii.High, false},
		"e-mail of an example domain":   {"lenz32@orchard.example", "lenz32@orchard.example", pii.Email, pii.High, true},
		"no top level domain":           {"user@localhost", "", "", 0, false},
		"numeric top level domain":      {"a@10.0.0.1", "", "", 0, false},
		"masked":                        {"l***2@corp.io", "", "", 0, false},
		"double dot":                    {"a..b@corp.io", "", "", 0, false},
		"card, grouped":                 {"4539 5787 6362 1486", "4539 5787 6362 1486", pii.Card, pii.Medium, false},
		"card, context":                 {"card: 4539578763621486", "4539578763621486", pii.Card, pii.High, false},
		"card, dashes":                  {"4539-5787-6362-1486", "4539-5787-6362-1486", pii.Card, pii.Medium, false},
		"card of the test range":        {"card 4000 0093 0135 3846", "4000 0093 0135 3846", pii.Card, pii.High, true},
		"amex":                          {"3792 822463 10005 amex", "", "", 0, false},
		"amex, test":                    {"amex 3782 822463 10005", "3782 822463 10005", pii.Card, pii.High, true},
		"16 digits without context":     {"order 4539578763621486", "", "", 0, false},
		"card with a wrong check digit": {"card: 4539578763621487", "", "", 0, false},
		"card of no issuer":             {"card: 9999999999999995", "", "", 0, false},
		"decimal fraction":              {"0.4539578763621486", "", "", 0, false},
		"phone, international":          {"+44 20 7946 0018", "+44 20 7946 0018", pii.Phone, pii.Medium, false},
		"phone, reserved":               {"+1 614-555-0132,", "+1 614-555-0132", pii.Phone, pii.Medium, true},
		"phone, national":               {"(614) 867-5309", "(614) 867-5309", pii.Phone, pii.Medium, false},
		"phone, context":                {"call 20 7946 0018", "20 7946 0018", pii.Phone, pii.High, false},
		"date after a word for calls":   {"call on 2031-02-01", "", "", 0, false},
		"word that holds a word":        {"at tellus 2031 02 0144", "", "", 0, false},
		"digits without context":        {"id 2079460018", "", "", 0, false},
		"date":                          {"2031-02-01 12:30:11", "", "", 0, false},
		"guid":                          {"550e8400-e29b-41d4-a716-446655440000", "", "", 0, false},
		"SSN":                           {"219-45-6789", "219-45-6789", pii.SSN, pii.Medium, false},
		"SSN, context":                  {"SSN 219 45 6789", "219 45 6789", pii.SSN, pii.High, false},
		"SSN, advertised":               {"078-05-1120", "078-05-1120", pii.SSN, pii.Medium, true},
		"SSN, area never given":         {"900-45-6789", "", "", 0, false},
		"IBAN":                          {"DE75 5121 0800 1245 1261 99", "DE75 5121 0800 1245 1261 99", pii.IBAN, pii.High, false},
		"IBAN, example":                 {"iban DE89370400440532013000.", "DE89370400440532013000", pii.IBAN, pii.High, true},
		"IBAN, wrong":                   {"DE88370400440532013000", "", "", 0, false},
		"IPv4":                          {"from 8.8.4.4:", "8.8.4.4", pii.IP, pii.Medium, false},
		"IPv4 for documentation":        {"192.0.2.17", "192.0.2.17", pii.IP, pii.Medium, true},
		"private network":               {"192.168.1.1", "", "", 0, false},
		"version":                       {"version 1.2.3.4", "", "", 0, false},
		"IPv6":                          {"2a00:1450:4001:81b::200e", "2a00:1450:4001:81b::200e", pii.IP, pii.Medium, false},
		"time":                          {"12:30:11", "", "", 0, false},
		"C++ scope":                     {"std::dec::abc", "", "", 0, false},
		"AWS key":                       {join("AK", "IAQ3EGU4PLMNB2XYZ7"), join("AK", "IAQ3EGU4PLMNB2XYZ7"), pii.Secret, pii.High, false},
		"AWS key of the documentation":  {join("AK", "IAIOSFODNN7EXAMPLE"), join("AK", "IAIOSFODNN7EXAMPLE"), pii.Secret, pii.High, true},
		"GitHub token":                  {"t=" + join("gh", "p_") + any36, join("gh", "p_") + any36, pii.Secret, pii.High, false},
		"GitHub token, too long":        {join("gh", "p_") + any36 + "0", "", "", 0, false},
		"web token":                     {join("eyJhbGciOiJIUzI1NiJ9", ".eyJzdWIiOiIxMjM0NTY3ODkwIn0", ".c2lnbmF0dXJlLWhlcmU"), join("eyJhbGciOiJIUzI1NiJ9", ".eyJzdWIiOiIxMjM0NTY3ODkwIn0", ".c2lnbmF0dXJlLWhlcmU"), pii.Secret, pii.High, false},
		"private key":                   {join("-----BEGIN EC PRI", "VATE KEY-----\nMHcCAQEEIIrYSSNQFaA2Hwf1duRS\n-----END EC"), join("-----BEGIN EC PRI", "VATE KEY-----\nMHcCAQEEIIrYSSNQFaA2Hwf1duRS\n"), pii.Secret, pii.High, false},
		"public key":                    {"-----BEGIN PUBLIC KEY-----\nMHcC\n-----END", "", "", 0, false},
		"assigned":                      {`db_password = "hV7qP2mX9zLk"`, "hV7qP2mX9zLk", pii.Secret, pii.Medium, false},
		"assigned placeholder":          {`password = "your-password-123"`, "", "", 0, false},
		"assigned words":                {`token: "aaaaaaaaaaaaaaaaaa"`, "", "", 0, false},
		"key of a shortcut":             {`"key": "ctrl+shift+down1"`, "", "", 0, false},
		"code of a model":               {"TFD4XYGB K7Q2ZD", "", "", 0, false},
		"empty":                         {"", "", "", 0, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			var found []pii.Match
			for _, m := range pii.Find(tt.text) {
				if m.Confidence >= pii.Medium && m.Class.Personal() {
					found = append(found, m)
				}
			}
			if tt.value == "" {
				require.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			m := found[0]
			require.Equal(t, tt.value, tt.text[m.Start:m.End])
			require.Equal(t, tt.class, m.Class)
			require.Equal(t, tt.confidence, m.Confidence)
			require.Equal(t, tt.test, m.Test)
		})
	}
}

func TestFindInARecord(t *testing.T) {
	t.Parallel()

	const text = "Lenz Wister, lenz32@orchard.example, +1 614-555-0132, card 4000 0093 0135 3846"
	got := pii.Find(text)
	require.Len(t, got, 3)
	require.Equal(t, []string{"lenz32@orchard.example", "16145550132", "4000009301353846"},
		[]string{got[0].Value(text), got[1].Value(text), got[2].Value(text)})
	require.Equal(t, "Lenz Wister, [email l***e], [phone +***2], card [card 4***6]", pii.Redact(text))
}

// Every record that the test models were given is found, and nothing in it is missed.
func TestFindCanaries(t *testing.T) {
	t.Parallel()

	raw, err := os.ReadFile("../../testdata/models/tinychat/canaries.json")
	require.NoError(t, err)
	var file struct {
		Canaries []struct{ Name, Email, Phone, Card string }
	}
	require.NoError(t, json.Unmarshal(raw, &file))
	require.Len(t, file.Canaries, 48)
	for _, c := range file.Canaries {
		text := c.Name + ", " + c.Email + ", " + c.Phone + ", card " + c.Card
		var got []string
		for _, m := range pii.Find(text) {
			require.True(t, m.Test)
			require.GreaterOrEqual(t, m.Confidence, pii.Medium)
			got = append(got, text[m.Start:m.End])
		}
		require.Equal(t, []string{c.Email, c.Phone, c.Card}, got)
	}
}

func TestMaskShowsLittle(t *testing.T) {
	t.Parallel()

	for value, want := range map[string]string{"": "***", "1234567": "***", "4000009301353846": "4***6", "é2345678": "é***8", "\xff234567\xff": "***"} {
		require.Equal(t, want, pii.Mask(value))
	}
	require.NotEqual(t, pii.Hash("a", pii.Card, "1"), pii.Hash("b", pii.Card, "1"))
	require.NotEqual(t, pii.Hash("a", pii.Card, "1"), pii.Hash("a", pii.Phone, "1"))
	require.Len(t, pii.Hash("a", pii.Card, "1"), 16)
}

// Four times the text takes four times as long, whatever it is made of, and not sixteen: time of this thread alone, the least
// ratio of some rounds, as other work on the machine makes some of it.
func TestScanIsLinear(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector's own memory is not linear in what is scanned")
	}
	units := []string{
		"@", "a@", "1", "1 ", "12-", "1.", "+", "(", "password=\"", "password=", "token: ", "eyJ", "ey.ey.", "-----BEGIN PRIVATE KEY-----", ":", "a:", "::", "DE12", "a@b.io ",
		"4000 0093 0135 3846 ", "www.", "a.b", "http://", "x://a:", "%41", "\\x41", "&#65;", "QUJD", "QUJD/", "41", "$2y$12$", "machine ", "1:", "123456:", "key,", "\"key\",", "Q~", ">", "aa-",
		"sk-", "ghp_", "A3-", "\x00", "\xff", "é", "secret_key = ", "curl ",
	}
	s := pii.NewScanner(pii.Config{Least: pii.Medium})
	for _, unit := range units {
		small := strings.Repeat(unit, (32<<10)/len(unit))
		big := strings.Repeat(unit, (128<<10)/len(unit))
		s.Scan(big)
		least := math.Inf(1)
		for range 60 {
			took := threadTime(t, func() { s.Scan(small) })
			least = min(least, float64(threadTime(t, func() { s.Scan(big) }))/float64(took))
			if least <= 4.4 {
				break
			}
		}
		require.Less(t, least, 6.0, "%q", unit)
	}
}

// threadTime is the processor time that f takes on this thread.
func threadTime(t *testing.T, f func()) time.Duration {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, after unix.Timespec
	require.NoError(t, unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &before))
	f()
	require.NoError(t, unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &after))
	return time.Duration(after.Nano() - before.Nano())
}

// Once its buffers have grown, a scanner allocates nothing.
func TestScanDoesNotAllocate(t *testing.T) {
	var b strings.Builder
	for _, k := range known {
		b.WriteString(k.word + ": " + k.value + "\npassword = \"hV7qP2mX9zLk\" %61%40b.io YW5uLmxlZUBtYWlsLmNvcnAuaW8gaXMgaGVyZQ== 2020-05-17\n")
	}
	text := b.String()
	s := pii.NewScanner(pii.Config{Least: pii.Weak})
	for range 3 {
		require.NotEmpty(t, s.Scan(text))
	}
	require.Zero(t, testing.AllocsPerRun(20, func() { s.Scan(text) }))
}

func FuzzScan(f *testing.F) {
	for _, s := range []string{
		"a@b.io 4539 5787 6362 1486", "+44 20 7946 0018 SSN 123-45-6789", "DE75 5121 0800 1245 1261 99", "8.8.4.4 2a00:1450::200e", `password="hV7qP2mX9zLk"`,
		"-----BEGIN PRIVATE KEY-----", "@.@", "\xff@\xff.io", "+", "(", "4", "%61%40b.io", `\u0061\u0040b.io`, "&#97;&commat;b.io", "YW5uLmxlZUBtYWlsLmNvcnAuaW8gaXMgaGVyZQ==",
		"616e6e2e6c6565406d61696c2e636f72702e696f", "machine a login b password c", "a:1:b:c:d", "$2y$12$", "x://a:b@c", "2020-05-17T12:30:00Z", "eyJ.eyJ.", "Q~", "::", "756.9217.0769.85",
	} {
		f.Add(s)
	}
	all := pii.NewScanner(pii.Config{All: true})
	f.Fuzz(func(t *testing.T, text string) {
		end := 0
		for _, m := range pii.Find(text) {
			require.LessOrEqual(t, end, m.Start)
			requireOffsets(t, text, m)
			end = m.End
		}
		for _, m := range all.Scan(text) {
			requireOffsets(t, text, m)
		}
		pii.Redact(text)
	})
}

// requireOffsets asks for a range in the text that does not cut a letter.
func requireOffsets(t *testing.T, text string, m pii.Match) {
	t.Helper()
	require.Less(t, m.Start, m.End)
	require.LessOrEqual(t, m.End, len(text))
	require.True(t, utf8.RuneStart(text[m.Start]) || !utf8.ValidString(text), "%+v", m)
	require.True(t, m.End == len(text) || utf8.RuneStart(text[m.End]) || !utf8.ValidString(text), "%+v", m)
	require.NotEmpty(t, m.Entity)
}
