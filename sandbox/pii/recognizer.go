package pii

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Checks that a wrong digit can pass, because weights share a factor with their modulus or two remainders have one check
// digit, give no more than Medium.

// A form is one way in which a value is written, with the confidence of a match that stands alone and of one that has a
// context word by it. Values in small letters where capitals are usual stand one lower.
type form struct {
	shape       string
	alone, with Confidence
}

// A recognizer knows one kind of personal data. Its name is that of Presidio where Presidio has one.
type recognizer struct {
	entity  string
	class   Class
	context string // words, in small letters, of which one before the value raises its confidence
	rule    string // what the check looks at; empty without one
	check   func(v []byte) verdict
	forms   []form
}

// recognizers are in the order of their rank: of two matches that are equal otherwise the earlier one stays. Those without
// forms have finders of their own. Rules are those of the offices that give the numbers out, as their public descriptions
// and the lists of national identification numbers have them.
var recognizers = slices.Concat(generic, american, european, asian)

var generic = []recognizer{
	{"EMAIL_ADDRESS", Email, "", "labels and top level", nil, nil},
	{"IBAN_CODE", IBAN, "iban account bank", "length by country, mod 97", nil, nil},
	{"CREDIT_CARD", Card, "card cards visa mastercard amex credit debit pan payment cc discover jcb diners maestro instapayment tarjeta credito carta karte kreditkarte carte", "issuer, length, Luhn", card, []form{
		{"9{4}[- ]9{4}=9{4}=9{1,7}", Medium, High},
		{"9{4}[- ]9{6}=9{4,5}", Medium, High},
		{"9{12,19}", Weak, High},
	}},
	{"CRYPTO", Crypto, "wallet btc bitcoin crypto ethereum eth address", "Base58Check, Bech32, Bech32m, EIP-55", nil, nil},
	{"IP_ADDRESS", IP, "ip ipv4 ipv6 host address server client", "ranges", nil, nil},
	{"MAC_ADDRESS", MAC, "mac hardware physical ethernet bssid", "not all zeros or ones", mac, []form{
		{"[0-9A-F]{2}[:-][0-9A-F]{2}=[0-9A-F]{2}=[0-9A-F]{2}=[0-9A-F]{2}=[0-9A-F]{2}", Medium, High},
		{"[0-9A-F]{4}.[0-9A-F]{4}.[0-9A-F]{4}", Medium, High},
	}},
	{"DATE_TIME", Date, "date birthday born dob", "calendar", nil, nil},
	{"PHONE_NUMBER", Phone, phoneContext, "numbering plan", nil, nil},
	{"IMEI", ID, "imei device handset", "Luhn", func(v []byte) verdict { return verdictOf(luhn(v) && !sameDigit(v)) }, []form{
		{"9{2}[- ]9{6}=9{6}=9", Medium, High}, {"9{15}", VeryWeak, High},
	}},
	{"ICCID", ID, "iccid sim", "Luhn", func(v []byte) verdict { return verdictOf(luhn(v)) }, []form{{"899{17,18}", Weak, High}}},
	{"VIN", ID, "vin vehicle chassis", "ISO 3779 check digit", vin, []form{{"[0-9A-HJ-NPR-Z]{17}", Weak, High}}},
	{"ORCID", ID, "orcid", "ISO 7064 mod 11-2", func(v []byte) verdict { return verdictOf(mod11x2(v) && !sameDigit(v[:15])) }, []form{
		{"9{4}-9{4}-9{4}-9{3}[0-9X]", Medium, High},
	}},
	{"PASSPORT_MRZ", ID, "passport mrz", "ICAO 9303 check digits", nil, nil},
	{"URL", URL, "url website link", "scheme or top level", nil, nil},
}

// phoneContext are words that stand before phone numbers.
const phoneContext = "phone telephone tel call calls calling mobile cell cellphone fax whatsapp contact telefon telefono téléphone handy sms dial reach text ring"

var american = []recognizer{
	{"US_SSN", SSN, "ssn ssns social security ssid", "areas, groups", ssn, []form{
		{"9{3}[-.]9{2}=9{4}", Medium, High}, {"9{3} 9{2} 9{4}", Weak, High}, {"9{5}-9{4}", VeryWeak, Weak}, {"9{3}-9{6}", VeryWeak, Weak}, {"9{9}", VeryWeak, Medium},
	}},
	{"US_ITIN", ID, "individual taxpayer itin tax payer taxid tin", "groups", itin, []form{
		{"9{3}[- ]9{2}=9{4}", Medium, High}, {"9{3}[- ]9{6}", VeryWeak, Medium}, {"9{5}[- ]9{4}", VeryWeak, Medium}, {"9{9}", VeryWeak, Medium},
	}},
	{"US_MBI", ID, "medicare mbi beneficiary cms medicaid hic hicn", "letters by place", func([]byte) verdict { return good }, []form{
		{"9[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]9-[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]9-[AC-HJKMNP-RT-Y]{2}9{2}", Medium, High},
		{"9[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]9[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]9[AC-HJKMNP-RT-Y]{2}9{2}", Weak, High},
	}},
	{"US_NPI", ID, "npi provider taxonomy", "Luhn with prefix 80840", npi, []form{
		{"[12]9{3}[ -]9{3}[ -]9{3}", Weak, High}, {"[12]9{9}", VeryWeak, High},
	}},
	{"ABA_ROUTING_NUMBER", ID, "aba routing abarouting association bankrouting", "bank, weights 3 7 1", aba, []form{
		{"[0123678]9{3}-9{4}-9", Weak, High}, {"[0123678]9{8}", VeryWeak, High},
	}},
	{"MEDICAL_LICENSE", ID, "medical certificate dea license", "DEA check digit", dea, []form{
		{"[A-HJ-MPR-UX][A-Z9]9{7}", Weak, Medium},
	}},
	{"US_EIN", ID, "ein employer fein", "prefixes", ein, []form{{"9{2}-9{7}", Weak, High}, {"9{9}", VeryWeak, Weak}}},
	{"US_PASSPORT", ID, "us united states passport travel", "", nil, []form{{"A9{8}", VeryWeak, Medium}, {"9{9}", VeryWeak, Medium}}},
	{"US_DRIVER_LICENSE", ID, "driver license permit lic identification dls cdls driving drivers licence", "", nil, driverForms},
	{"US_BANK_NUMBER", ID, "check account acct bank save debit checking savings", "", nil, []form{{"9{8,17}", VeryWeak, Medium}}},
	{"CA_SIN", ID, "sin social insurance canada nas assurance sociale", "first digit, Luhn", sin, []form{
		{"9{3}[- ]9{3}=9{3}", Medium, High}, {"9{9}", VeryWeak, High},
	}},
	{"BR_CPF", ID, "cpf contribuinte", "two check digits mod 11", cpf, []form{{"9{3}.9{3}.9{3}-9{2}", Medium, Medium}, {"9{11}", Weak, Medium}}},
	{"BR_CNPJ", ID, "cnpj empresa", "two check digits mod 11", cnpj, []form{{"9{2}.9{3}.9{3}/9{4}-9{2}", High, High}, {"9{14}", Weak, High}}},
	{"MX_CURP", ID, "curp", "date, check digit", curp, []form{{"A{4}9{6}[HMX]A{5}X9", Medium, Medium}}},
	{"CL_RUT", ID, "rut run rol", "weights 2 to 7 mod 11", rut, []form{{"9{1,2}.9{3}.9{3}-[0-9K]", Medium, High}, {"9{7,8}-[0-9K]", Weak, High}}},
	{"AR_CUIT", ID, "cuit cuil", "prefix, mod 11", cuit, []form{{"9{2}-9{8}-9", Medium, High}, {"9{11}", VeryWeak, High}}},
}

// driverForms are the formats of the states of the USA.
var driverForms = []form{
	{"A9{5,14}", Weak, Medium},
	{"A9{1,4}", VeryWeak, Weak},
	{"A9{18}", Weak, Medium},
	{"A{2}9{5,7}", Weak, Medium},
	{"A{2}9{2,4}", VeryWeak, Weak},
	{"9{2}A{3}9{5,6}", Weak, Medium},
	{"A9{6}R", Weak, Medium},
	{"9{7,9}A", Weak, Medium},
	{"A{2}9{6}A", Weak, Medium},
	{"9{8}A{2}", Weak, Medium},
	{"9{3}A{2}9{4}", Weak, Medium},
	{"A9A9A", VeryWeak, Weak},
	{"9{6,14}", VeryWeak, Medium},
	{"9{16}", VeryWeak, Medium},
}

var european = []recognizer{
	{"UK_NHS", ID, "nhs health", "mod 11", nhs, []form{{"9{3}[- ]9{3}=9{4}", Weak, High}, {"9{10}", VeryWeak, High}}},
	{"UK_NINO", ID, "insurance nino ni", "prefixes", nino, []form{
		{"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?9{2} ?9{2} ?9{2} ?[A-D]", Medium, High},
	}},
	{"UK_DRIVING_LICENCE", ID, "driving driver dvla licence license", "surname, date", ukDriver, []form{{"[A-Z9]{5}9{6}[A-Z9]{2}XA{2}", Medium, High}}},
	{"UK_UTR", ID, "utr taxpayer hmrc", "mod 11", utr, []form{{"9{5} 9{5}", Weak, Medium}, {"9{10}", VeryWeak, Medium}}},
	{"UK_VEHICLE_REGISTRATION", ID, "vehicle registration plate reg vrn dvla v5c logbook mot car", "age of plates", ukPlate, []form{
		{"[A-HJ-PR-Y]{2}[0-7]9[- ]?[A-HJ-PR-Z]{3}", Weak, Medium},
		{"[A-HJ-NPR-TV-Y]9{1,3}[- ]?[A-HJ-PR-Y][A-HJ-PR-Z]{2}", VeryWeak, Medium},
		{"[A-HJ-PR-Z]{3}[- ]?9{1,3}[- ]?[A-HJ-NPR-TV-Y]", VeryWeak, Medium},
	}},
	{"UK_PASSPORT", ID, "passport british hmpo", "", nil, []form{{"A{2}9{7}", VeryWeak, Medium}}},
	{"UK_POSTCODE", ID, "postcode postal zip address delivery mailing shipping correspondence", "", nil, []form{
		{"[A-PR-UWYZ]9[A-HJKPSTUW]?[ ]?9[ABD-HJLNP-UW-Z]{2}", VeryWeak, Medium},
		{"[A-PR-UWYZ]9{2}[ ]?9[ABD-HJLNP-UW-Z]{2}", VeryWeak, Medium},
		{"[A-PR-UWYZ][A-HK-Y]9[ABEHMNPRVWXY]?[ ]?9[ABD-HJLNP-UW-Z]{2}", VeryWeak, Medium},
		{"[A-PR-UWYZ][A-HK-Y]9{2}[ ]?9[ABD-HJLNP-UW-Z]{2}", VeryWeak, Medium},
		{"GIR[ ]?0AA", VeryWeak, Medium},
	}},
	{"DE_TAX_ID", ID, "steueridentifikationsnummer steuerid idnr steuernummer steuer bzst identifikationsnummer", "ISO 7064 mod 11,10", deTaxID, []form{
		{"[1-9]9 9{3} 9{3} 9{3}", Weak, High}, {"[1-9]9{10}", Weak, High},
	}},
	{"DE_TAX_NUMBER", ID, "steuernummer steuer finanzamt umsatzsteuer einkommensteuer steuerbescheid", "", nil, []form{
		{"0[1-9]9{11}", Weak, High}, {"1[0-6]9{11}", Weak, High}, {"9{3}/9{3}/9{5}", Weak, High}, {"9{2,3}/9{3,4}/9{4,5}", VeryWeak, Medium},
	}},
	{"DE_SOCIAL_SECURITY", ID, "rentenversicherungsnummer sozialversicherungsnummer versicherungsnummer rvnr svnr rente rentenversicherung drv sozialversicherung", "date, check digit", rvnr, []form{
		{"9{8}A9{3}", Medium, High}, {"9{2} 9{6} A 9{3}", Medium, High},
	}},
	{"DE_HEALTH_INSURANCE", ID, "krankenversicherungsnummer krankenversichertennummer versichertennummer kvnr krankenkasse krankenversicherung gesundheitskarte egk", "check digit", kvnr, []form{{"A9{9}", Weak, High}}},
	{"DE_PASSPORT", ID, "reisepass pass passnummer reisepassnummer passport mrz", "ICAO 9303", deDocument, []form{{"[CFGHJ-NPRTV-Z][0-9CFGHJ-NPRTV-Z]{7}9", Weak, High}}},
	{"DE_ID_CARD", ID, "personalausweis ausweis personalausweisnummer ausweisnummer dokumentennummer seriennummer npa identity", "ICAO 9303", deIDCard, []form{
		{"[CFGHJ-NPRTV-Z][0-9CFGHJ-NPRTV-Z]{7}9", Weak, High}, {"T9{8}", Weak, Medium},
	}},
	{"DE_VAT_ID", ID, "umsatzsteuer ust ustidnr mehrwertsteuer vat finanzamt invoice rechnung", "ISO 7064 mod 11,10", deVAT, []form{
		{"DE9{9}", Medium, High}, {"DE[ .-]?9{3}[ .-]?9{3}[ .-]?9{3}", Weak, High},
	}},
	{"DE_LANR", ID, "arztnummer lanr arzt vertragsarzt kassenarzt kbv rezept", "weights 4 9", lanr, []form{{"9{9}", VeryWeak, Medium}}},
	{"DE_BSNR", ID, "bsnr praxisnummer arztpraxis praxis betriebsstättennummer betriebsstätte", "", bsnr, []form{{"9{9}", VeryWeak, Medium}}},
	{"DE_FUEHRERSCHEIN", ID, "führerscheinnummer führerschein fahrerlaubnis fev kba fahrerlaubnisnummer", "", nil, []form{{"A{2}9{8}X", Weak, Medium}}},
	{"DE_HANDELSREGISTER", ID, "handelsregister amtsgericht registergericht hra hrb gmbh firma", "", nil, []form{{"HR[AB][ ]{0,4}9{1,6}", Medium, High}}},
	{"DE_KFZ", ID, "kennzeichen kfz nummernschild fahrzeug auto pkw lkw zulassung", "", nil, []form{
		{"A{1,3}[ -]A{1,2}[ -]9{1,4}[EH]?", Weak, Medium},
	}},
	{"DE_PLZ", ID, "plz postleitzahl postanschrift adresse wohnort ort straße strasse stadt", "", plz, []form{{"9{5}", VeryWeak, Medium}}},
	{"ES_NIF", ID, "dni nif identidad identificación", "mod 23", nif, []form{{"9{7,8}[-]?A", Medium, High}}},
	{"ES_NIE", ID, "nie extranjero", "mod 23", nie, []form{{"[XYZ]9{7,8}[-]?A", Medium, High}}},
	{"ES_CIF", ID, "cif empresa", "Luhn, letter", cif, []form{{"[A-HJNP-SUVW]9{7}[0-9A-J]", Weak, High}}},
	{"ES_PASSPORT", ID, "pasaporte passport", "", nil, []form{{"A{3}9{6}", VeryWeak, Medium}}},
	{"IT_FISCAL_CODE", ID, "codice fiscale cf", "month, check letter", fiscalCode, []form{{"A{6}[0-9LMNP-V]{2}A[0-9LMNP-V]{2}A[0-9LMNP-V]{3}A", High, High}}},
	{"IT_VAT_CODE", ID, "piva partita iva", "Luhn", itVAT, []form{{"9{11}", VeryWeak, High}}},
	{"IT_DRIVER_LICENSE", ID, "patente licenza", "", nil, []form{{"A{2}9{7}A", Weak, Medium}, {"U1[0-9B-HJ-NPR-UW-Z]{7}A", Weak, Medium}}},
	{"IT_PASSPORT", ID, "passaporto elettronico italiano viaggio estero", "", nil, []form{{"A{2}9{7}", VeryWeak, Medium}}},
	{"IT_IDENTITY_CARD", ID, "carta identità elettronica cie riconoscimento espatrio", "", nil, []form{
		{"A{2}[ ]?9{7}", VeryWeak, Medium}, {"9{7}A{2}", VeryWeak, Medium}, {"A{2}9{5}A{2}", VeryWeak, Medium},
	}},
	{"PL_PESEL", ID, "pesel", "date, mod 10", pesel, []form{{"9{11}", Weak, High}}},
	{"PL_NIP", ID, "nip", "mod 11", nip, []form{{"9{3}-9{3}-9{2}-9{2}", Medium, High}, {"9{3}-9{2}-9{2}-9{3}", Medium, High}, {"9{10}", VeryWeak, High}}},
	{"PL_REGON", ID, "regon", "mod 11", regon, []form{{"9{9}", VeryWeak, Medium}}},
	{"FI_PERSONAL_IDENTITY_CODE", ID, "hetu henkilötunnus personbeteckningen identity", "date, mod 31", hetu, []form{{"9{6}[-+]9{3}[0-9A-FHJ-NPR-Y]", High, High}, {"9{6}[A-FU-Y]9{3}[0-9A-FHJ-NPR-Y]", High, High}}},
	{"SE_PERSONNUMMER", ID, "personnummer svenskt svensk ssn samordningsnummer", "date, Luhn", personnummer, []form{
		{"9{6}[-+]9{4}", Medium, High}, {"9{8}[-+]9{4}", Medium, High}, {"9{10}", VeryWeak, High}, {"9{12}", Weak, High},
	}},
	{"SE_ORGANISATIONSNUMMER", ID, "organisationsnummer orgnr företagsnummer", "third digit, Luhn", organisationsnummer, []form{{"9{6}-9{4}", Weak, High}, {"9{10}", VeryWeak, High}}},
	{"FR_NIR", ID, "nir sécurité sociale insee secu", "month, mod 97", nir, []form{
		{"[12]9{4}[0-9AB]{2}9{8}", Medium, High}, {"[12] 9{2} 9{2} 9[0-9AB] 9{3} 9{3} 9{2}", High, High},
	}},
	{"NL_BSN", ID, "bsn burgerservicenummer sofinummer", "weights 9 to -1 mod 11", bsn, []form{{"9{9}", VeryWeak, High}}},
	{"BE_NATIONAL_NUMBER", ID, "rijksregisternummer rijksregister registre national nrn", "mod 97", beNational, []form{{"9{2}.9{2}.9{2}-9{3}.9{2}", High, High}, {"9{11}", Weak, High}}},
	{"PT_NIF", ID, "nif contribuinte nipc", "mod 11", ptNIF, []form{{"9{9}", VeryWeak, Medium}}},
	{"CH_AHV", ID, "ahv avs ahvn13", "EAN-13", ahv, []form{{"756.9{4}.9{4}.9{2}", High, High}, {"7569{10}", Medium, High}}},
	{"DK_CPR_NUMBER", ID, "cpr personnummer", "date, mod 11", cpr, []form{{"9{6}-9{4}", Weak, High}}},
	{"NO_FODSELSNUMMER", ID, "fødselsnummer fodselsnummer personnummer", "date, two check digits", fodselsnummer, []form{{"9{6} 9{5}", Medium, High}, {"9{11}", Weak, High}}},
	{"CZ_RODNE_CISLO", ID, "rodné číslo rodne cislo", "date, mod 11", rodneCislo, []form{{"9{6}/9{4}", Medium, High}, {"9{10}", VeryWeak, High}}},
	{"RO_CNP", ID, "cnp", "date, mod 11", cnp, []form{{"9{13}", Weak, High}}},
	{"BG_EGN", ID, "егн egn", "date, mod 11", egn, []form{{"9{10}", VeryWeak, Medium}}},
	{"HR_OIB", ID, "oib", "ISO 7064 mod 11,10", oib, []form{{"9{11}", VeryWeak, High}}},
	{"EE_ISIKUKOOD", ID, "isikukood asmens kodas", "date, mod 11", isikukood, []form{{"9{11}", VeryWeak, Medium}}},
	{"GR_AMKA", ID, "αμκα amka", "date, Luhn", amka, []form{{"9{11}", VeryWeak, High}}},
	{"AT_SVNR", ID, "svnr sozialversicherungsnummer ecard", "date, mod 11", atSVNR, []form{{"9{4} 9{6}", Weak, High}, {"9{10}", VeryWeak, High}}},
	{"IE_PPS", ID, "pps ppsn", "mod 23", pps, []form{{"9{7}A[A-IW]?", Medium, High}}},
}

var asian = []recognizer{
	{"AU_ABN", ID, "abn australian business", "mod 89", abn, []form{{"9{2} 9{3} 9{3} 9{3}", Medium, High}, {"9{11}", Weak, High}}},
	{"AU_ACN", ID, "acn australian company", "mod 10", acn, []form{{"9{3} 9{3} 9{3}", Weak, Medium}, {"9{9}", VeryWeak, Medium}}},
	{"AU_TFN", ID, "tfn tax", "mod 11", tfn, []form{{"9{3} 9{3} 9{3}", Weak, High}, {"9{9}", VeryWeak, High}}},
	{"AU_MEDICARE", ID, "medicare", "mod 10", auMedicare, []form{{"[2-6]9{3} 9{5} 9", Medium, Medium}, {"[2-6]9{9}", VeryWeak, Medium}}},
	{"NZ_IRD", ID, "ird", "range, mod 11", ird, []form{{"9{2,3}-9{3}-9{3}", Weak, High}, {"9{8,9}", VeryWeak, High}}},
	{"IN_PAN", ID, "permanent pan income", "holder", pan, []form{{"A{5}9{4}A", Medium, High}}},
	{"IN_AADHAAR", ID, "aadhaar uidai aadhar", "Verhoeff", aadhaar, []form{{"9{4}[- :]9{4}=9{4}", Medium, High}, {"9{12}", Weak, High}}},
	{"IN_GSTIN", ID, "gstin gst", "state, account number, mod 36", gstin, []form{{"9{2}X{11}ZX", High, High}}},
	{"IN_VEHICLE_REGISTRATION", ID, "rto vehicle plate registration", "states", inVehicle, []form{
		{"A{2}9{1,2}A{1,3}9{4}", Medium, High},
		{"9{2}BH9{4}A{2}", Medium, High},
		{"9{2}[A-FHKPRX]9{6}A", Medium, High},
		{"9{1,3}CD[1-9]9{1,3}", Weak, Medium},
		{"9{1,3}CC[1-9]9{1,3}", Weak, Medium},
		{"9{1,3}UN[1-9]9{1,3}", Weak, Medium},
		{"A{3}9{4}", VeryWeak, Weak},
		{"A{1,2}9{4}", VeryWeak, Weak},
		{"I9{5}", VeryWeak, Weak},
	}},
	{"IN_VOTER", ID, "voter epic elector", "", nil, []form{{"A{3}9{7}", Weak, High}}},
	{"IN_PASSPORT", ID, "passport indian", "", nil, []form{{"A[1-9]9[ ]?9{4}[1-9]", VeryWeak, Medium}}},
	{"KR_RRN", ID, "rrn resident registration 주민등록번호", "date, mod 11", rrn, []form{{"9{6}-[1-4]9{6}", Medium, Medium}, {"9{6}[1-4]9{6}", Weak, Medium}}},
	{"KR_FRN", ID, "frn foreigner registration 외국인등록번호 외국인번호", "date, mod 11", frn, []form{{"9{6}-[5-8]9{6}", Medium, Medium}, {"9{6}[5-8]9{6}", Weak, Medium}}},
	{"KR_BRN", ID, "사업자등록번호 사업자번호 사업자 brn business", "mod 10", brn, []form{{"9{3}-9{2}-9{5}", Medium, High}, {"9{10}", VeryWeak, High}}},
	{"KR_DRIVER_LICENSE", ID, "운전면허 운전면허번호 면허번호 korean driver license", "regions", krDriver, []form{{"9{2}[- ]?9{2}[- ]?9{6}[- ]?9{2}", VeryWeak, High}}},
	{"KR_PASSPORT", ID, "여권 passport korean", "", nil, []form{{"[MSROD]9{3}A9{4}", VeryWeak, Medium}, {"[MSROD]9{8}", VeryWeak, Medium}}},
	{"JP_MY_NUMBER", ID, "マイナンバー 個人番号 mynumber", "mod 11", myNumber, []form{{"9{4} 9{4} 9{4}", Weak, Medium}, {"9{12}", VeryWeak, Medium}}},
	{"CN_RESIDENT_ID", ID, "身份证 身份证号 resident identity", "date, ISO 7064 mod 11-2", cnID, []form{{"9{17}[0-9X]", High, High}}},
	{"TW_NATIONAL_ID", ID, "身分證 identity 統一編號", "city, mod 10", twID, []form{{"A[1289]9{8}", Weak, Medium}}},
	{"HK_ID", ID, "hkid 身份證 identity", "mod 11", hkID, []form{{"A{1,2}9{6}[(][0-9A][)]", Medium, High}, {"A{1,2}9{6}[0-9A]", VeryWeak, High}}},
	{"IL_ID", ID, "תז identity israeli teudat zehut", "Luhn", ilID, []form{{"9{9}", VeryWeak, High}}},
	{"TH_TNIN", ID, "thai tnin เลขประจำตัวประชาชน เลขบัตรประชาชน", "mod 11", tnin, []form{{"[1-9]9{12}", Weak, Medium}, {"[1-9]-9{4}-9{5}-9{2}-9", Medium, Medium}}},
	{"SG_NRIC_FIN", ID, "fin nric", "series, check letter", nric, []form{{"[STFGM]9{7}A", High, High}, {"A9{7}A", Weak, Medium}}},
	{"SG_UEN", ID, "uen acra entity", "format, check letter", uen, []form{{"9{8,9}A", Weak, High}, {"[TSR]9{2}A{2}9{4}A", Medium, High}}},
	{"PH_TIN", ID, "tin taxpayer bir tax rdo revenue", "mod 11", phTIN, []form{{"9{3}-9{3}-9{3}-9{3}", Weak, Medium}, {"9{3}-9{3}-9{3}", Weak, Medium}, {"9{12}", VeryWeak, Medium}, {"9{9}", VeryWeak, Medium}}},
	{"TR_NATIONAL_ID", ID, "kimlik tckn tc nüfus", "two check digits", tckn, []form{{"[1-9]9{10}", Weak, High}}},
	{"TR_LICENSE_PLATE", ID, "plaka plakası plate kayıt", "provinces", trPlate, []form{{"[0-8]9[ ]?[A-PR-VYZ]{1,3}[ ]?9{2,4}", VeryWeak, Medium}, {"[0-8]9-[A-PR-VYZ]{1,3}-9{2,4}", VeryWeak, Medium}}},
	{"NG_NIN", ID, "nin nimc nigeria nigerian identification identity", "Verhoeff", ngNIN, []form{{"9{11}", VeryWeak, High}}},
	{"NG_VEHICLE_REGISTRATION", ID, "plate vehicle registration", "", nil, []form{{"A{3}[- ]?9{3}A{2}", Weak, High}}},
	{"ZA_ID_NUMBER", ID, "id identity south african rsa", "date, Luhn", zaID, []form{{"9{10}[0-2][89]9", Medium, High}}},
}

// trPlate: provinces are 01 to 81.
func trPlate(v []byte) verdict { return verdictOf(number(v[:2]) >= 1 && number(v[:2]) <= 81) }

func plz(v []byte) verdict {
	return verdictOf(number(v) >= 1001 && string(v) != "01000" && string(v) != "99999")
}

// mac refuses addresses of nothing and of everybody.
func mac(v []byte) verdict {
	return verdictOf(strings.Trim(string(v), "0") != "" && strings.Trim(string(v), "F") != "")
}

// vinValues are the values of letters in a vehicle identification number.
const vinValues = "\x01\x02\x03\x04\x05\x06\x07\x08\x00\x01\x02\x03\x04\x05\x00\x07\x00\x09\x02\x03\x04\x05\x06\x07\x08\x09"

// vin: the ninth character checks the others, as North America asks for.
func vin(v []byte) verdict {
	sum, letters := 0, 0
	for i, c := range v {
		n := int(c) - '0'
		if !isDigit(c) {
			n, letters = int(vinValues[c-'A']), letters+1
		}
		sum += n * int("\x08\x07\x06\x05\x04\x03\x02\x0a\x00\x09\x08\x07\x06\x05\x04\x03\x02"[i])
	}
	if letters < 2 || !allDigits(v[13:]) {
		return bad
	}
	return verdictOf("0123456789X"[sum%11] == v[8])
}

// recID is an index into [recognizers].
type recID uint8

func idOf(entity string) recID {
	for i, r := range recognizers {
		if r.entity == entity {
			return recID(i)
		}
	}
	panic("pii: no recognizer " + entity) // a constant of this package is wrong
}

var (
	emailID, crypto, ipID         = idOf("EMAIL_ADDRESS"), idOf("CRYPTO"), idOf("IP_ADDRESS")
	dateID, phoneID, mrzID, urlID = idOf("DATE_TIME"), idOf("PHONE_NUMBER"), idOf("PASSPORT_MRZ"), idOf("URL")
	ibanID                        = idOf("IBAN_CODE")
)

// A compiled form, with the recognizer that it belongs to.
type compiled struct {
	pattern
	rec                    recID
	alone, with            Confidence
	leastLength, maxLength int // of the word that it begins with
}

// A formIndex lists forms by how many digits, or letters before the first digit, a word begins with, by its length, and by
// what follows it: most numbers of a text end where no form does. A text needs a small part of it, which is made when it does.
type formIndex struct {
	forms   []*compiled
	letters bool
	rows    [maxLead + 1][maxLead + 1]atomic.Pointer[formRow]
}

// A formRow lists the forms for words of one beginning and length, by what follows them.
type formRow struct {
	list  [gapKinds]uint8 // index in lists
	lists [][]*compiled
}

// What may follow a word: a byte that separates no parts of a form, or one of seven that do, and of the two bytes behind it
// whether each is a digit, a letter, or something else.
const (
	separators = " -./:+("
	classes    = 3
	gapKinds   = 1 + classes*classes*len(separators)
)

// gapKind is the first kind of a separator, 0 of other bytes; gapClass is what a byte behind one is.
var gapKind, gapClass = func() (kind, class [256]uint8) {
	for i, c := range []byte(separators) {
		kind[c] = uint8(1 + classes*classes*i)
	}
	for c := range class {
		switch {
		case isDigit(byte(c)):
		case isAlpha(byte(c)):
			class[c] = 1
		default:
			class[c] = 2
		}
	}
	return kind, class
}()

// gapAt is what follows a word that ends at a place.
func gapAt(text string, at int) uint8 {
	if at+2 >= len(text) {
		return gapAtEnd(text, at)
	}
	kind := gapKind[text[at]]
	if kind == 0 {
		return 0
	}
	return kind + classes*gapClass[text[at+1]] + gapClass[text[at+2]]
}

// gapAtEnd is gapAt with fewer than two bytes behind the separator: what is missing is something else.
func gapAtEnd(text string, at int) uint8 {
	if at >= len(text) || gapKind[text[at]] == 0 {
		return 0
	}
	first := uint8(classes - 1)
	if at+1 < len(text) {
		first = gapClass[text[at+1]]
	}
	return gapKind[text[at]] + classes*first + classes - 1
}

// at lists the forms that a word may begin.
func (x *formIndex) at(lead, length int, gap uint8) []*compiled {
	row := x.rows[lead][min(length, maxLead)].Load()
	if row == nil {
		row = x.newRow(lead, min(length, maxLead))
	}
	return row.lists[row.list[gap]]
}

// newRow makes a row that was not needed before: the same one, whoever is first.
func (x *formIndex) newRow(lead, length int) *formRow {
	row := &formRow{}
	var some []*compiled
	var gaps []uint64
	for _, c := range x.forms {
		leads := c.leadDigits
		if x.letters {
			leads = c.leadLetters
		}
		if leads>>lead&1 == 1 && c.leastLength <= length && length <= c.maxLength {
			some, gaps = append(some, c), append(gaps, c.gaps(length))
		}
	}
	list := make([]*compiled, 0, len(some))
	for kind := range row.list {
		list = list[:0]
		for i, c := range some {
			if gaps[i]>>kind&1 == 1 {
				list = append(list, c)
			}
		}
		at := slices.IndexFunc(row.lists, func(known []*compiled) bool { return slices.Equal(known, list) })
		if at < 0 {
			at = len(row.lists)
			row.lists = append(row.lists, slices.Clone(list))
		}
		row.list[kind] = uint8(at)
	}
	x.rows[lead][length].Store(row)
	return row
}

// A formTable holds the forms that can give a confidence.
type formTable struct{ digits, letters *formIndex }

// formTables are the tables by the lowest confidence that is wanted, made when the first scanner needs one.
var formTables = func() (tables [High + 1]func() formTable) {
	for least := range tables {
		tables[least] = sync.OnceValue(func() formTable { return newFormTable(Confidence(least)) })
	}
	return tables
}()

func newFormTable(least Confidence) formTable {
	var forms []*compiled
	for id, r := range recognizers {
		for _, f := range r.forms {
			if max(f.alone, f.with) < least {
				continue
			}
			c := &compiled{pattern: compile(f.shape), rec: recID(id), alone: f.alone, with: f.with}
			c.leastLength, c.maxLength = c.firstWord()
			forms = append(forms, c)
		}
	}
	return formTable{digits: &formIndex{forms: forms}, letters: &formIndex{forms: forms, letters: true}}
}
