package hallmark_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
)

func TestDigestText(t *testing.T) {
	t.Parallel()

	d := hallmark.DigestOf([]byte("hello world"))
	require.Equal(t, "sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9", d.String())

	back, err := hallmark.ParseDigest(d.Hex())
	require.NoError(t, err)
	require.Equal(t, d, back)

	for _, bad := range []string{"", "sha256:", "sha512:" + d.Hex(), d.Hex()[1:], "SHA256:" + d.Hex(), "sha256:" + d.Hex()[:63] + "g", d.String() + "0"} {
		_, err := hallmark.ParseDigest(bad)
		require.ErrorIs(t, err, hallmark.ErrInvalid, bad)
	}
}

func TestDigestJSONRoundTrip(t *testing.T) {
	t.Parallel()

	type box struct{ D hallmark.Digest }
	for _, d := range []hallmark.Digest{{}, hallmark.DigestOf(nil)} {
		raw, err := json.Marshal(box{d})
		require.NoError(t, err)
		var back box
		require.NoError(t, json.Unmarshal(raw, &back))
		require.Equal(t, d, back.D)
	}
}

func TestCanonicalJSON(t *testing.T) {
	t.Parallel()

	got, err := hallmark.CanonicalJSON(map[string]any{"b": 1, "a": []any{"<é\u2028\\u2028>", nil, true}, "": map[string]int{"z": -3, "y": math.MaxInt}})
	require.NoError(t, err)
	require.Equal(t, "{\"\":{\"y\":9223372036854775807,\"z\":-3},\"a\":[\"<é\u2028\\\\u2028>\",null,true],\"b\":1}", string(got)) //nolint:testifylint // the bytes count, not the value

	for name, bad := range map[string]any{
		"fraction":      map[string]any{"x": 0.5},
		"exponent":      []any{1e300},
		"non-ASCII key": map[string]any{"é": 1},
		"unencodable":   make(chan int),
	} {
		_, err := hallmark.CanonicalJSON(bad)
		require.Error(t, err, name)
	}
}

func TestCheckTensorRanges(t *testing.T) {
	t.Parallel()

	ok := []hallmark.TensorRange{{Name: "a", Offset: 8, Size: 8}, {Name: "b", Offset: 16, Size: 0}, {Name: "c", Offset: 20, Size: 12}}
	require.NoError(t, hallmark.CheckTensorRanges(ok, 32))
	require.NoError(t, hallmark.CheckTensorRanges(nil, 0))

	bad := map[string][]hallmark.TensorRange{
		"past the end":    {{Name: "a", Offset: 8, Size: 25}},
		"offset past end": {{Name: "a", Offset: 33}},
		"wraps":           {{Name: "a", Offset: 8, Size: math.MaxInt64}},
		"negative offset": {{Name: "a", Offset: -1, Size: 2}},
		"negative size":   {{Name: "a", Offset: 1, Size: -2}},
		"overlap":         {{Name: "a", Offset: 0, Size: 9}, {Name: "b", Offset: 8, Size: 1}},
		"unsorted":        {{Name: "a", Offset: 9, Size: 1}, {Name: "b", Offset: 0, Size: 1}},
		"twice":           {{Name: "a", Offset: 0, Size: 1}, {Name: "a", Offset: 1, Size: 1}},
		"no name":         {{Offset: 0, Size: 1}},
	}
	for name, ranges := range bad {
		require.ErrorIs(t, hallmark.CheckTensorRanges(ranges, 32), hallmark.ErrInvalid, name)
	}
	require.ErrorIs(t, hallmark.CheckTensorRanges(make([]hallmark.TensorRange, hallmark.MaxTensors+1), 32), hallmark.ErrTooLarge)
}
