package chain

import (
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
)

func FuzzSplitCID(f *testing.F) {
	raw := joinCID(hallmark.DigestOf(nil), codecRaw)
	for _, seed := range []string{
		raw, joinCID(hallmark.DigestOf(nil), codecDagPB), "", "b", "B" + raw[1:], raw[:58], raw + "a",
		raw[:58] + "7", "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKo", joinCID(hallmark.DigestOf(nil), 0x71),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		digest, codec, err := splitCID(text)
		if err != nil {
			require.ErrorIs(t, err, hallmark.ErrInvalid)
			return
		}
		if !digest.IsZero() {
			require.Equal(t, text, joinCID(digest, codec), "one text for one CID")
		}
	})
}

// dataError is what an endpoint answers to a call that the contract refused.
type dataError struct{ data any }

func (dataError) Error() string    { return "execution reverted" }
func (e dataError) ErrorData() any { return e.data }

func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for block := make([]byte, 1<<20); ; {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	require.NoError(t, err)
	resp, err := boundedTransport{}.RoundTrip(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	require.ErrorIs(t, err, hallmark.ErrTooLarge)
	require.EqualValues(t, maxReply, n)
}

func FuzzContractError(f *testing.F) {
	for _, seed := range []string{
		"", "0x", "00", "0x00000000", "zz",
		// UnknownModel(bytes32), whole and cut
		"0x" + hex.EncodeToString(append(selector("UnknownModel"), make([]byte, 32)...)),
		"0x" + hex.EncodeToString(append(selector("UnknownModel"), make([]byte, 31)...)),
		// MissingField(string) with an offset outside
		"0x" + hex.EncodeToString(append(selector("MissingField"), 0xff)),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data string) {
		err := rpcError("testing", dataError{data})
		require.Error(t, err)
		if refusal, ok := errors.AsType[*ContractError](err); ok {
			require.NotEmpty(t, refusal.Name)
		}
	})
}

func selector(name string) []byte {
	id := newTestABI().Errors[name].ID
	return append([]byte(nil), id[:4]...)
}

func TestContractErrorsHaveKinds(t *testing.T) {
	t.Parallel()
	words := strings.Repeat("00", 31) + "07" + strings.Repeat("00", 31) + "07"
	for name, kind := range map[string]error{
		"UnknownModel": hallmark.ErrNotFound, "AlreadyRegistered": hallmark.ErrConflict, "BadSignature": hallmark.ErrSignature,
		"NotAuthorized": hallmark.ErrKey, "OwnBase": hallmark.ErrInvalid,
	} {
		err := rpcError("testing", dataError{hex.EncodeToString(selector(name)) + words})
		require.ErrorIs(t, err, kind, name)
		require.ErrorContains(t, err, name)
		require.NotErrorIs(t, err, hallmark.ErrUnavailable)
	}
	require.ErrorIs(t, rpcError("testing", dataError{12}), hallmark.ErrUnavailable)
	require.NoError(t, rpcError("testing", nil))
}
