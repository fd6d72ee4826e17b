// Package phone decides about candidates for phone numbers with the numbering plans of libphonenumber. It is apart from
// its parent, which jailed processes link and which needs no more than the standard library.
package phone

import (
	"github.com/nyaruka/phonenumbers"
)

// Regions are the numbering plans that numbers without a country code are tried in, unless others are named.
var Regions = []string{
	"US", "GB", "DE", "FR", "ES", "IT", "NL", "BE", "CH", "AT", "SE", "NO", "DK", "FI", "PL", "PT", "IE", "CZ", "HU", "GR", "AU", "NZ", "IN", "BR", "IL",
}

// Checker returns a check of candidates that takes a number that is valid in its country, if it names one, or in one of
// regions (ISO 3166 codes, [Regions] if none). The check is safe for concurrent use.
func Checker(regions ...string) func(text string, start, end int) bool {
	if len(regions) == 0 {
		regions = Regions
	}
	return func(text string, start, end int) bool {
		candidate := text[start:end]
		tried := regions
		if candidate[0] == '+' {
			tried = regions[:1]
		}
		for _, r := range tried {
			n, err := phonenumbers.Parse(candidate, r)
			if err == nil && phonenumbers.IsValidNumber(n) {
				return true
			}
		}
		return false
	}
}
