package guestbin

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
)

func TestGuestIsTheEmbeddedFile(t *testing.T) {
	t.Parallel()

	b, err := guest(fstest.MapFS{"bin/guest": {Data: []byte("program")}})
	require.NoError(t, err)
	require.Equal(t, "program", string(b))
}

func TestAbsentGuestSaysWhatToDo(t *testing.T) {
	t.Parallel()

	_, err := guest(fstest.MapFS{"bin/README.md": {}})
	require.ErrorIs(t, err, hallmark.ErrUnavailable)
	var hint *hallmark.HintError
	require.ErrorAs(t, err, &hint)
	require.Equal(t, "run make build", hint.Hint)
}
