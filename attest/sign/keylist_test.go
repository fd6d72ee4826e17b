package sign_test

import (
	"bytes"
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/sign"
)

func day(n int) time.Time { return time.Date(2026, 11, n, 0, 0, 0, 0, time.UTC) }

func keyList(tb testing.TB) sign.KeyList {
	tb.Helper()
	_, logKey, err := note.GenerateKey(rand.Reader, "hallmark.example/log")
	require.NoError(tb, err)
	return sign.KeyList{Keys: []sign.ListedKey{
		{Text: string(shared()[0].public), Owner: "service", Purpose: sign.PurposeService, ValidFrom: day(1), ValidUntil: day(20)},
		{Text: string(shared()[1].public), Owner: "Ærø Lab", Purpose: sign.PurposeSubmitter, ValidFrom: day(2), RevokedAt: day(10)},
		{Text: logKey, Owner: "service", Purpose: sign.PurposeLog, ValidFrom: day(1).In(time.FixedZone("x", 3600)).Add(time.Millisecond)},
	}}
}

func TestKeyListReadsBack(t *testing.T) {
	t.Parallel()

	list := keyList(t)
	b, err := list.Encode()
	require.NoError(t, err)
	slices.Reverse(list.Keys)
	again, err := list.Encode()
	require.NoError(t, err)
	require.Equal(t, string(b), string(again), "the order of keys does not count")

	back, err := sign.ParseKeyList(b)
	require.NoError(t, err)
	require.Len(t, back.Keys, 3)
	again, err = back.Encode()
	require.NoError(t, err)
	require.Equal(t, string(b), string(again))
	require.NotContains(t, string(b), "0001-01-01")

	empty, err := sign.KeyList{}.Encode()
	require.NoError(t, err)
	_, err = sign.ParseKeyList(empty)
	require.NoError(t, err)
}

func TestTrusted(t *testing.T) {
	t.Parallel()

	b, err := keyList(t).Encode()
	require.NoError(t, err)
	list, err := sign.ParseKeyList(b)
	require.NoError(t, err)
	service, submitter := shared()[0].key.Hint(), shared()[1].key.Hint()
	tests := map[string]struct {
		hint    string
		purpose sign.Purpose
		at      time.Time
		want    error
	}{
		"first moment":        {service, sign.PurposeService, day(1), nil},
		"last moment":         {service, sign.PurposeService, day(20).Add(-1), nil},
		"before revocation":   {submitter, sign.PurposeSubmitter, day(10).Add(-1), nil},
		"too early":           {service, sign.PurposeService, day(1).Add(-1), hallmark.ErrKey},
		"expired":             {service, sign.PurposeService, day(20), hallmark.ErrKey},
		"revoked":             {submitter, sign.PurposeSubmitter, day(10), hallmark.ErrRevoked},
		"revoked, as a key":   {submitter, sign.PurposeSubmitter, day(11), hallmark.ErrKey},
		"unknown":             {strings.Repeat("0", 64), sign.PurposeService, day(5), hallmark.ErrKey},
		"empty hint":          {"", sign.PurposeService, day(5), hallmark.ErrKey},
		"submitter as server": {submitter, sign.PurposeService, day(5), hallmark.ErrKey},
		"server as submitter": {service, sign.PurposeSubmitter, day(5), hallmark.ErrKey},
		"server as log":       {service, sign.PurposeLog, day(5), hallmark.ErrKey},
	}
	for name, tt := range tests {
		key, err := list.Trusted(tt.hint, tt.purpose, tt.at)
		require.ErrorIs(t, err, tt.want, name)
		if tt.want == nil {
			require.Equal(t, tt.hint, key.ID)
		}
	}
	require.Equal(t, [][]byte{shared()[0].public}, list.PEMs(sign.PurposeService))

	_, bundle := signed(t)
	v, err := sign.Verify(bundle, list.PEMs(sign.PurposeService)...)
	require.NoError(t, err)
	_, err = list.Trusted(v.KeyHint, sign.PurposeService, day(5))
	require.NoError(t, err)
	_, err = sign.Verify(bundle, list.PEMs(sign.PurposeSubmitter)...)
	require.ErrorIs(t, err, hallmark.ErrKey)
}

func TestBadKeyLists(t *testing.T) {
	t.Parallel()

	b, err := keyList(t).Encode()
	require.NoError(t, err)
	text := string(b)
	bad := map[string]string{
		"empty":           "",
		"white space":     " " + text,
		"other schema":    strings.Replace(text, "key-list/v1", "key-list/v2", 1),
		"other id":        strings.Replace(text, shared()[0].key.Hint(), strings.Repeat("0", 64), 1),
		"other zone":      strings.Replace(text, "2026-11-20T00:00:00Z", "2026-11-20T01:00:00+01:00", 1),
		"fraction":        strings.Replace(text, "2026-11-20T00:00:00Z", "2026-11-20T00:00:00.5Z", 1),
		"unknown key":     strings.Replace(text, `{"id"`, `{"a":1,"id"`, 1),
		"key twice":       strings.Replace(text, `{"id"`, `{"id":"","id"`, 1),
		"letter case":     strings.Replace(text, `"owner"`, `"Owner"`, 1),
		"unknown purpose": strings.Replace(text, `"submitter"`, `"admin"`, 1),
		"log as service":  strings.Replace(text, `"purpose":"log"`, `"purpose":"service"`, 1),
		"service as log":  strings.Replace(text, `"purpose":"service"`, `"purpose":"log"`, 1),
		"ends too early":  strings.Replace(text, "2026-11-20", "2026-10-20", 1),
		"no owner":        strings.Replace(text, `"Ærø Lab"`, `""`, 1),
		"owner escapes":   strings.Replace(text, `"Ærø Lab"`, `"a\u001b[2J"`, 1),
		"bad time":        strings.Replace(text, "2026-11-20T", "2026-31-20T", 1),
		"trailing data":   text + text,
		"truncated":       text[:len(text)-2],
	}
	for name, doc := range bad {
		require.NotEqual(t, text, doc, name)
		_, err := sign.ParseKeyList([]byte(doc))
		require.Error(t, err, name)
		require.True(t, isAny(err, hallmark.ErrInvalid, hallmark.ErrKey), "%s: %v", name, err)
	}
	_, err = sign.ParseKeyList(make([]byte, 17<<20))
	require.ErrorIs(t, err, hallmark.ErrTooLarge)

	twice := keyList(t)
	twice.Keys = append(twice.Keys, twice.Keys[0])
	_, err = twice.Encode()
	require.ErrorIs(t, err, hallmark.ErrInvalid)
	never := keyList(t)
	never.Keys[0].ValidFrom = time.Time{}
	_, err = never.Encode()
	require.ErrorIs(t, err, hallmark.ErrInvalid)
	_, err = sign.KeyList{Keys: make([]sign.ListedKey, 10_001)}.Encode()
	require.ErrorIs(t, err, hallmark.ErrTooLarge)
}

func FuzzKeyList(f *testing.F) {
	b, err := keyList(f).Encode()
	require.NoError(f, err)
	f.Add(b)
	f.Add(bytes.Replace(b, []byte("service"), []byte("log"), 1))
	f.Add([]byte(`{"keys":[],"schema":""}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := sign.ParseKeyList(b)
		if err != nil {
			return
		}
		again, err := list.Encode()
		require.NoError(t, err)
		require.Equal(t, b, again)
	})
}
