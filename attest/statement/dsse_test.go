package statement_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/statement"
)

func errIs(err, kind error) bool { return errors.Is(err, kind) }

// TestPAE holds the vector of the DSSE protocol description.
func TestPAE(t *testing.T) {
	t.Parallel()

	require.Equal(t, "DSSEv1 29 http://example.com/HelloWorld 11 hello world",
		string(statement.PAE("http://example.com/HelloWorld", []byte("hello world"))))
	require.Equal(t, "DSSEv1 0  0 ", string(statement.PAE("", nil)))
}

func TestEnvelope(t *testing.T) {
	t.Parallel()

	e := statement.Envelope{Payload: []byte("{}"), Signature: []byte{1, 2, 3, 4}}
	b, err := e.Encode()
	require.NoError(t, err)
	require.JSONEq(t, `{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AQIDBA=="}]}`, string(b))
	back, err := statement.ParseEnvelope(b)
	require.NoError(t, err)
	require.Equal(t, e, back)

	for _, keyID := range []string{`"keyid":"",`, `"keyid":null,`} {
		back, err = statement.ParseEnvelope([]byte(strings.Replace(string(b), `"sig"`, keyID+`"sig"`, 1)))
		require.NoError(t, err, keyID)
		require.Equal(t, e, back)
	}
	for _, empty := range []statement.Envelope{{Payload: []byte("x")}, {Signature: []byte("x")}} {
		_, err := empty.Encode()
		require.ErrorIs(t, err, hallmark.ErrInvalid)
	}
}

func TestBadEnvelopes(t *testing.T) {
	t.Parallel()

	const typ = `"payloadType":"application/vnd.in-toto+json"`
	bad := map[string]string{
		"empty":                  ``,
		"no payload":             `{` + typ + `,"signatures":[{"sig":"AQIDBA=="}]}`,
		"no signature":           `{"payload":"e30=",` + typ + `,"signatures":[]}`,
		"two signatures":         `{"payload":"e30=",` + typ + `,"signatures":[{"sig":"AQIDBA=="},{"sig":"AQIDBA=="}]}`,
		"empty signature":        `{"payload":"e30=",` + typ + `,"signatures":[{"sig":""}]}`,
		"key id":                 `{"payload":"e30=",` + typ + `,"signatures":[{"sig":"AQIDBA==","keyid":"a"}]}`,
		"other payload type":     `{"payload":"e30=","payloadType":"application/json","signatures":[{"sig":"AQIDBA=="}]}`,
		"base64url":              `{"payload":"-_-_",` + typ + `,"signatures":[{"sig":"AQIDBA=="}]}`,
		"no padding":             `{"payload":"e30",` + typ + `,"signatures":[{"sig":"AQIDBA=="}]}`,
		"stray bits":             `{"payload":"e31=",` + typ + `,"signatures":[{"sig":"AQIDBA=="}]}`,
		"line break in base64":   `{"payload":"e3\n0=",` + typ + `,"signatures":[{"sig":"AQIDBA=="}]}`,
		"stray bits, signature":  `{"payload":"e30=",` + typ + `,"signatures":[{"sig":"AQIDBB=="}]}`,
		"unknown key":            `{"payload":"e30=","x":1,` + typ + `,"signatures":[{"sig":"AQIDBA=="}]}`,
		"unknown key, signature": `{"payload":"e30=",` + typ + `,"signatures":[{"sig":"AQIDBA==","cert":"x"}]}`,
		"letter case":            `{"Payload":"e30=",` + typ + `,"signatures":[{"sig":"AQIDBA=="}]}`,
		"payload twice":          `{"payload":"e30=","payload":"e30=",` + typ + `,"signatures":[{"sig":"AQIDBA=="}]}`,
		"trailing data":          `{"payload":"e30=",` + typ + `,"signatures":[{"sig":"AQIDBA=="}]} x`,
	}
	for name, text := range bad {
		_, err := statement.ParseEnvelope([]byte(text))
		require.ErrorIs(t, err, hallmark.ErrInvalid, name)
	}
	_, err := statement.ParseEnvelope(make([]byte, 2*statement.MaxSize+1))
	require.ErrorIs(t, err, hallmark.ErrTooLarge)
}

func FuzzEnvelope(f *testing.F) {
	f.Add([]byte(`{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AQIDBA=="}]}`))
	f.Add([]byte(`{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"keyid":null,"sig":"AQI="}]}`))
	f.Add([]byte(`{"payload":"`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := statement.ParseEnvelope(b)
		if err != nil {
			return
		}
		encoded, err := e.Encode()
		require.NoError(t, err)
		back, err := statement.ParseEnvelope(encoded)
		require.NoError(t, err)
		require.Equal(t, e, back)
		require.Contains(t, string(encoded), base64.StdEncoding.EncodeToString(e.Payload))
	})
}

// FuzzParsers runs all typed parsers: none panics, and what one reads can be built and read again.
func FuzzParsers(f *testing.F) {
	all := kinds()
	for _, k := range all {
		b, err := k.build()
		require.NoError(f, err)
		f.Add(b)
		f.Add(b[:len(b)/2])
		for _, e := range k.bad {
			if doc := apply(f, b, e); len(doc) < 1<<16 {
				f.Add(doc)
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for name, k := range all {
			again, err := k.parse(b)
			if err != nil {
				require.True(t, isKind(err), fmt.Sprint(name, err))
				continue
			}
			_, err = k.parse(again)
			require.NoError(t, err, name)
		}
	})
}
