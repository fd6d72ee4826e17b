package pii_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/sandbox/pii"
)

// known are values that descriptions of the identifiers give as examples: an oracle that does not share this package's
// code. Each stands behind a word that names it.
var known = []struct{ entity, word, value string }{
	{"CREDIT_CARD", "card", "4539578763621486"},
	{"CREDIT_CARD", "card", "4539 5787 6362 1486"},
	{"CREDIT_CARD", "card", "3714-496353-98431"},
	{"IBAN_CODE", "iban", "DE75512108001245126199"},
	{"IBAN_CODE", "iban", "GB33BUKB20201555555555"},
	{"IBAN_CODE", "iban", "NO93 8601 1117 947"},
	{"EMAIL_ADDRESS", "mail", "ann.lee+x@mail.corp.io"},
	{"IP_ADDRESS", "ip", "8.8.4.4"},
	{"IP_ADDRESS", "ip", "2a00:1450:4001:81b::200e"},
	{"MAC_ADDRESS", "mac", "00:1B:44:11:3A:B7"},
	{"MAC_ADDRESS", "mac", "AA-BB-CC-DD-EE-FA"},
	{"PHONE_NUMBER", "phone", "+44 20 7946 0018"},
	{"CRYPTO", "wallet", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"},
	{"CRYPTO", "wallet", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"},
	{"CRYPTO", "wallet", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"},
	{"CRYPTO", "wallet", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"},
	{"CRYPTO", "wallet", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"},
	{"DATE_TIME", "born", "2001-02-28"},
	{"DATE_TIME", "born", "2020-05-17T12:30:00Z"},
	{"URL", "see", "https://www.corp.io/a?b=c"},
	{"IMEI", "imei", "49-015420-323751-8"},
	{"IMEI", "imei", "490154203237518"},
	{"ICCID", "sim", "8991101200003204514"},
	{"VIN", "vin", "1M8GDM9AXKP042788"},
	{"ORCID", "orcid", "0000-0002-1825-0097"},
	{"PASSPORT_MRZ", "passport", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"},
	{"US_SSN", "ssn", "536-90-4399"},
	{"US_ITIN", "itin", "912-90-3456"},
	{"US_MBI", "medicare", "1EG4-TE5-MK73"},
	{"US_MBI", "medicare", "1EG4TE5MK73"},
	{"US_NPI", "npi", "1234567893"},
	{"ABA_ROUTING_NUMBER", "aba", "111000025"},
	{"ABA_ROUTING_NUMBER", "routing", "121000358"},
	{"MEDICAL_LICENSE", "dea", "BB1388568"},
	{"US_EIN", "ein", "91-1144442"},
	{"US_PASSPORT", "passport", "A12345678"},
	{"US_DRIVER_LICENSE", "driver", "H12234567"},
	{"US_BANK_NUMBER", "account", "945456787654"},
	{"CA_SIN", "sin", "130 692 544"},
	{"BR_CPF", "cpf", "390.533.447-05"},
	{"BR_CNPJ", "cnpj", "16.727.230/0001-97"},
	{"MX_CURP", "curp", "BOXW310820HNERXN09"},
	{"CL_RUT", "rut", "12.531.909-2"},
	{"CL_RUT", "rut", "12531909-2"},
	{"AR_CUIT", "cuit", "20-05536168-2"},
	{"UK_NHS", "nhs", "943 476 5919"},
	{"UK_NINO", "nino", "AB 12 34 56 C"},
	{"UK_DRIVING_LICENCE", "driving", "MORGA657054SM9IJ"},
	{"UK_UTR", "utr", "1955839661"},
	{"UK_VEHICLE_REGISTRATION", "vehicle", "AB51 ABC"},
	{"UK_PASSPORT", "passport", "AB1234567"},
	{"UK_POSTCODE", "postcode", "SW1A 1AA"},
	{"DE_TAX_ID", "steuerid", "36574261809"},
	{"DE_TAX_NUMBER", "steuernummer", "181/815/08155"},
	{"DE_SOCIAL_SECURITY", "rvnr", "65180539W001"},
	{"DE_HEALTH_INSURANCE", "kvnr", "A123456780"},
	{"DE_PASSPORT", "reisepass", "C01X00T41"},
	{"DE_ID_CARD", "ausweis", "T22000129"},
	{"DE_VAT_ID", "ust", "DE136695976"},
	{"DE_LANR", "lanr", "123456601"},
	{"DE_BSNR", "bsnr", "021234567"},
	{"DE_FUEHRERSCHEIN", "führerschein", "BO12345678A"},
	{"DE_HANDELSREGISTER", "amtsgericht", "HRB 12345"},
	{"DE_KFZ", "kennzeichen", "B-MW 1234"},
	{"DE_PLZ", "plz", "10115"},
	{"ES_NIF", "dni", "12345678Z"},
	{"ES_NIE", "nie", "X1234567L"},
	{"ES_CIF", "cif", "A58818501"},
	{"ES_PASSPORT", "pasaporte", "AAA123456"},
	{"IT_FISCAL_CODE", "cf", "RCCMNL83S18D969H"},
	{"IT_VAT_CODE", "iva", "00743110157"},
	{"IT_DRIVER_LICENSE", "patente", "AA0123456B"},
	{"IT_PASSPORT", "passaporto", "YA1234567"},
	{"IT_IDENTITY_CARD", "carta", "CA12345AA"},
	{"PL_PESEL", "pesel", "44051401359"},
	{"PL_NIP", "nip", "856-734-62-15"},
	{"PL_REGON", "regon", "192598184"},
	{"FI_PERSONAL_IDENTITY_CODE", "hetu", "131052-308T"},
	{"SE_PERSONNUMMER", "personnummer", "811228-9874"},
	{"SE_ORGANISATIONSNUMMER", "orgnr", "556703-7485"},
	{"FR_NIR", "nir", "2 95 10 99 126 111 93"},
	{"FR_NIR", "nir", "295109912611193"},
	{"NL_BSN", "bsn", "111222333"},
	{"BE_NATIONAL_NUMBER", "rijksregister", "85.07.30-033.28"},
	{"PT_NIF", "nif", "501964843"},
	{"CH_AHV", "ahv", "756.9217.0769.85"},
	{"DK_CPR_NUMBER", "cpr", "211062-5629"},
	{"NO_FODSELSNUMMER", "personnummer", "15108695088"},
	{"CZ_RODNE_CISLO", "rodne", "710319/2745"},
	{"RO_CNP", "cnp", "1630615123457"},
	{"BG_EGN", "egn", "7523169263"},
	{"HR_OIB", "oib", "33392005961"},
	{"EE_ISIKUKOOD", "isikukood", "36805280109"},
	{"GR_AMKA", "amka", "01013099997"},
	{"AT_SVNR", "svnr", "1237 010180"},
	{"IE_PPS", "pps", "6433435F"},
	{"AU_ABN", "abn", "51 824 753 556"},
	{"AU_ACN", "acn", "004 085 616"},
	{"AU_TFN", "tfn", "123 456 782"},
	{"AU_MEDICARE", "medicare", "2123 45670 1"},
	{"NZ_IRD", "ird", "49091850"},
	{"IN_PAN", "pan", "ACUPA7085R"},
	{"IN_AADHAAR", "aadhaar", "2341 2341 2346"},
	{"IN_GSTIN", "gstin", "27AAPFU0939F1ZV"},
	{"IN_VEHICLE_REGISTRATION", "vehicle", "MH12AB1234"},
	{"IN_VOTER", "voter", "WKH1186253"},
	{"IN_PASSPORT", "passport", "A3456781"},
	{"KR_RRN", "rrn", "971013-1019439"[:14]},
	{"KR_BRN", "brn", "116-82-00276"},
	{"KR_DRIVER_LICENSE", "license", "12-13-123456-12"},
	{"KR_PASSPORT", "passport", "M12345678"},
	{"JP_MY_NUMBER", "mynumber", "6214 9832 0257"},
	{"CN_RESIDENT_ID", "identity", "11010519491231002X"},
	{"TW_NATIONAL_ID", "identity", "A123456789"},
	{"HK_ID", "hkid", "A123456(3)"},
	{"IL_ID", "identity", "123456782"},
	{"TH_TNIN", "thai", "1-2345-45678-78-1"},
	{"SG_NRIC_FIN", "nric", "S1234567D"},
	{"SG_UEN", "uen", "00192200M"},
	{"SG_UEN", "uen", "197401143C"},
	{"SG_UEN", "uen", "S16FC0121D"},
	{"PH_TIN", "tin", "123-456-782-000"},
	{"TR_NATIONAL_ID", "kimlik", "17291716060"},
	{"TR_LICENSE_PLATE", "plaka", "34 ABC 123"},
	{"NG_NIN", "nin", "12345678902"},
	{"NG_VEHICLE_REGISTRATION", "plate", "ABC-123DE"},
	{"ZA_ID_NUMBER", "identity", "7503305044089"},
}

// findOf returns the matches of one entity.
func findOf(t *testing.T, entity, text string) []pii.Match {
	t.Helper()
	return pii.NewScanner(pii.Config{Entities: []string{entity}, All: true}).Scan(text)
}

// Every recognizer takes its published examples, at medium confidence behind a word that names them.
func TestKnownValues(t *testing.T) {
	t.Parallel()

	seen := map[string]bool{}
	for _, k := range known {
		text := k.word + ": " + k.value
		got := findOf(t, k.entity, text)
		seen[k.entity] = true
		if len(got) != 1 || text[got[0].Start:got[0].End] != k.value || got[0].Confidence < pii.Medium {
			t.Errorf("%s %q: %+v", k.entity, text, got)
		}
	}
	for _, r := range pii.Recognizers() {
		if !seen[r.Entity] && r.Entity != "KR_FRN" {
			t.Errorf("no known value of %s", r.Entity)
		}
	}
}

// The numbers that the goals ask for.
func TestBreadth(t *testing.T) {
	t.Parallel()

	checked := 0
	for _, r := range pii.Recognizers() {
		if r.Rule != "" {
			checked++
		}
	}
	require.GreaterOrEqual(t, len(pii.Recognizers()), 75)
	require.GreaterOrEqual(t, checked, 45)
	require.GreaterOrEqual(t, len(pii.Rules()), 150)
	t.Logf("%d recognizers, %d with a check, %d rules for secrets", len(pii.Recognizers()), checked, len(pii.Rules()))
}

// uncheckable are entities whose rule is a structure that another digit may keep: ranges, dates, prefixes.
var uncheckable = map[string]bool{
	"EMAIL_ADDRESS": true, "IP_ADDRESS": true, "MAC_ADDRESS": true, "DATE_TIME": true, "URL": true, "PHONE_NUMBER": true, "US_SSN": true, "US_ITIN": true, "US_MBI": true, "US_EIN": true,
	"UK_NINO": true, "UK_DRIVING_LICENCE": true, "UK_VEHICLE_REGISTRATION": true, "IN_PAN": true, "IN_VEHICLE_REGISTRATION": true, "KR_DRIVER_LICENSE": true,
	"TR_LICENSE_PLATE": true, "DE_PLZ": true, "DE_BSNR": true,
}

// Two hundred corruptions of one digit of each value whose rule is a checksum: none is accepted at high confidence, even
// behind the word that names it.
func TestOneDigitCorruptions(t *testing.T) {
	t.Parallel()

	checked := map[string]bool{}
	for _, r := range pii.Recognizers() {
		checked[r.Entity] = r.Rule != "" && !uncheckable[r.Entity]
	}
	r := rand.New(rand.NewPCG(1, 2))
	types := map[string]bool{}
	for _, k := range known {
		if !checked[k.entity] {
			continue
		}
		types[k.entity] = true
		accepted := 0
		for range 200 {
			b := []byte(k.value)
			at := r.IntN(len(b))
			for b[at] < '0' || b[at] > '9' {
				at = r.IntN(len(b))
			}
			b[at] = '0' + (b[at]-'0'+1+byte(r.IntN(9)))%10
			for _, m := range findOf(t, k.entity, k.word+": "+string(b)) {
				if m.Confidence == pii.High {
					accepted++
				}
			}
		}
		if accepted > 0 {
			t.Errorf("%s %q: %d of 200 corruptions accepted at high confidence", k.entity, k.value, accepted)
		}
	}
	t.Logf("%d types", len(types))
	require.GreaterOrEqual(t, len(types), 45)
}
