package phone_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/sandbox/pii"
	"github.com/hallmark-ml/hallmark/sandbox/pii/phone"
)

func TestChecker(t *testing.T) {
	t.Parallel()

	usual, philippine := phone.Checker(), phone.Checker("PH")
	for _, tt := range []struct {
		text string
		want bool
	}{{"+44 20 7946 0018", true}, {"030 901820", true}, {"(212) 867-5309", true}, {"+1 054-353-1726", false}, {"123", false}} {
		require.Equal(t, tt.want, usual(tt.text, 0, len(tt.text)), tt.text)
	}
	require.True(t, philippine("09171234567", 0, 11))
	require.True(t, philippine("+442079460018", 0, 13), "a country code decides, whatever the regions")
}

// The plans raise a grouped number to medium; an address of a street stays below.
func TestScannerWithPlans(t *testing.T) {
	t.Parallel()

	s := pii.NewScanner(pii.Config{Least: pii.Medium, Phone: phone.Checker()})
	require.Len(t, s.Scan("she is at 0161 496 0753 today"), 1)
	require.Empty(t, s.Scan("they live at 3747 3911 Fourth Avenue"))
	require.Empty(t, s.Scan("postal code 90010-170"))
}
