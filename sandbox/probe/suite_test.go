package probe

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestX(t *testing.T) {
	s, err := Builtin("tinychat")
	require.NoError(t, err)
	cases, err := s.Cases(1, "chat")
	require.NoError(t, err)
	n := map[string]int{}
	for _, c := range cases {
		n[c.Detector]++
		if n[c.Detector] < 4 {
			t.Logf("%s\n%q\n%q %q", c.ID, c.Request.Messages, c.Control.Messages, c.want.nonce+"|"+c.want.answer)
		}
	}
	t.Log(n)
}
