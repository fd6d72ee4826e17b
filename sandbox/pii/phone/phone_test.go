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

// Numbers of other kinds do not reach the plans, most of which would take some of them; numbers of phones like them do.
func TestWhatIsNoPhoneIsNotLookedUp(t *testing.T) {
	t.Parallel()

	var tried []string
	s := pii.NewScanner(pii.Config{Least: pii.Medium, Phone: func(text string, start, end int) bool {
		tried = append(tried, text[start:end])
		return true
	}})
	for _, text := range []string{
		"x = 0.999999999", "x = 3.14159265;", "t: -1350244992.3", "values 256..128776", "(c) 1994-1999 Lucent", "at 19:34:56 2019 -0500", "on 2014-05-13 09:53",
		"+0000005", "0000130 11 22", "c4 61 12 34 56 78 9b", "ff c2 61 12 34 56 78", "61 12 34 56 78 ff da",
	} {
		s.Scan(text)
		require.Empty(t, tried, text)
	}
	phones := []string{
		"0721.123456", "2015-2034 567", "1994 1999", "+49.301234567", "61 12 34 56 78 de Paris", "tel 61 12 34 56 78", "le 01 23 45 67 89 ce soir", "001 212 867 5309", "2014-0500 12 34",
	}
	for _, text := range phones {
		s.Scan(text)
	}
	require.Len(t, tried, len(phones), "%q", tried)
}
