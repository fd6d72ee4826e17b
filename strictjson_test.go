package hallmark_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
)

type strictInner struct {
	D hallmark.Digest `json:"d"`
}

type strictDoc struct {
	strictInner
	A    int                    `json:"a"`
	List []strictInner          `json:"list,omitempty"`
	Map  map[string]strictInner `json:"map,omitempty"`
	Ptr  *strictInner           `json:"ptr,omitempty"`
	Raw  json.RawMessage        `json:"raw,omitempty"`
	At   time.Time              `json:"at,omitzero"`
}

func TestDecodeJSON(t *testing.T) {
	t.Parallel()

	var doc strictDoc
	good := ` {"a":1,"d":"","list":[{"d":""}],"map":{"X":{"d":""},"x":{"d":""}},"ptr":null,"raw":{"Any":[1]},"at":"2026-01-01T00:00:00Z"} `
	require.NoError(t, hallmark.DecodeJSON([]byte(good), &doc))
	require.Equal(t, 1, doc.A)
	require.JSONEq(t, `{"Any":[1]}`, string(doc.Raw))

	bad := map[string]string{
		"empty":              ``,
		"truncated":          `{"a":1`,
		"trailing data":      `{"a":1}{}`,
		"trailing bracket":   `{"a":1}]`,
		"twice":              `{"a":1,"a":1}`,
		"twice by escape":    `{"a":1,"\u0061":1}`,
		"letter case":        `{"A":1}`,
		"letter case below":  `{"a":1,"list":[{"D":""}]}`,
		"in a map":           `{"a":1,"map":{"x":{"D":""}}}`,
		"behind a pointer":   `{"a":1,"ptr":{"D":""}}`,
		"twice in raw":       `{"a":1,"raw":{"z":1,"z":2}}`,
		"wrong type":         `{"a":"1"}`,
		"not UTF-8":          "{\"a\":1,\"raw\":\"\xff\"}",
		"too deep":           `{"a":1,"raw":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
		"comma missing":      `{"a":1 "d":""}`,
		"not an object":      `[]`,
		"Kelvin sign for K":  `{"a":1,"\u212Aey":1}`,
		"unknown key":        `{"a":1,"b":1}`,
		"bad digest":         `{"d":"sha256:00"}`,
		"unknown in element": `{"a":1,"list":[{"e":""}]}`,
	}
	for name, text := range bad {
		require.ErrorIs(t, hallmark.DecodeJSON([]byte(text), new(strictDoc)), hallmark.ErrInvalid, name)
	}

	require.NoError(t, hallmark.DecodeOpenJSON([]byte(`{"a":1,"b":{"c":1},"list":[{"e":""}]}`), &doc))
	require.ErrorIs(t, hallmark.DecodeOpenJSON([]byte(`{"a":1,"A":1}`), &doc), hallmark.ErrInvalid)
	require.ErrorIs(t, hallmark.DecodeOpenJSON([]byte(`{"a":1,"b":{"c":1,"c":2}}`), &doc), hallmark.ErrInvalid)
}

func FuzzDecodeJSON(f *testing.F) {
	f.Add([]byte(`{"a":1,"list":[{"d":""}],"raw":[{}]}`))
	f.Add([]byte(`{"A":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var doc strictDoc
		if hallmark.DecodeJSON(data, &doc) != nil {
			return
		}
		again, err := json.Marshal(doc)
		require.NoError(t, err)
		require.NoError(t, hallmark.DecodeJSON(again, new(strictDoc)))
	})
}
