package pii_test

import (
	"encoding/base64"
	"encoding/hex"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/sandbox/pii"
)

func secretsIn(text string) []pii.Match {
	var out []pii.Match
	for _, m := range pii.Find(text) {
		if m.Class == pii.Secret && m.Confidence >= pii.Medium {
			out = append(out, m)
		}
	}
	return out
}

func random(r *rand.Rand, alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

const (
	alnum = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	hexes = "0123456789abcdef"
)

// Credentials outside of tables, in the files that hold them.
func TestSecretsInFiles(t *testing.T) {
	t.Parallel()

	salt := "k:Q!x9Lw2#Vb7Zr$Tn4Ym8&Pd3Gh6Js5Kc1Fa0Ee9Uu7Ii4Oo2Aa"
	tests := map[string]struct{ text, rule, value string }{
		"netrc":              {"machine smtp.corp.io login ann password s3cr3t", "netrc-password", "s3cr3t"},
		"pgpass":             {"# a comment\ndb.corp.io:5432:main:ann:wh4tever", "pgpass-password", "wh4tever"},
		"npmrc":              {"//registry.corp.io/:_auth = YW5uOmFubg==", "npmrc-auth", "YW5uOmFubg=="},
		"npmrc token":        {"//registry.corp.io/:_authToken=26dfe8d8-889b-4380-92ff-9c3c6ea5d930", "generic-api-key", "26dfe8d8-889b-4380-92ff-9c3c6ea5d930"},
		"docker":             {`{"auth": "X3Rva2VuOjEyMzQuMThqZjg0MWZrbDQwYU90dTNr"}`, "generic-api-key", "X3Rva2VuOjEyMzQuMThqZjg0MWZrbDQwYU90dTNr"},
		"shadow":             {"ann:$6$LnUhhUi45srUKt9i$" + strings.Repeat("a4Hp6VRTOB2mxvsYH8", 5)[:86] + ":17431:0:99999:7:::", "password-hash", ""},
		"htpasswd":           {"ann:$apr1$tp8glkbm$fjg65tI1eipoBh62aEjIy0", "password-hash", "$apr1$tp8glkbm$fjg65tI1eipoBh62aEjIy0"},
		"bcrypt":             {"('ann', '$2y$12$s.YfVZdfvAuO/Iz6fte5iO..ZbbEgreZnDcYOGvX4NGJskYQIstcG')", "password-hash", ""},
		"WordPress":          {"define('AUTH_KEY', '" + salt + "');", "wordpress-salt", salt},
		"environment":        {"# a\nMAIL_PASSWORD=Mailpass1234!\n", "generic-password", "Mailpass1234!"},
		"FileZilla":          {"<User>root</User><Pass encoding=\"base64\">NjllNWU5ZWMwZDU0</Pass>", "generic-password", "NjllNWU5ZWMwZDU0"},
		"JSON":               {`{"password": "hunter22"}`, "generic-password", "hunter22"},
		"YAML":               {"db:\n  password: hunter22\n", "generic-password", "hunter22"},
		"PHP":                {"$dbpasswd = 'pass123';", "generic-password", "pass123"},
		"connection string":  {`"Server=db;User Id=ann;Password=hV7qP2mX9zLk;"`, "generic-api-key", "hV7qP2mX9zLk"},
		"URL":                {"uri: mongodb://ann:hV7qP2@db.corp.io:27017/main", "url-credentials", "hV7qP2"},
		"git-credentials":    {"https://ann@corp.io:pass!#@498@github.com", "url-credentials", "pass!#@498"},
		"header":             {`curl -H "Authorization: Bearer hV7qP2mX9zLkQ4wE"`, "curl-auth-header", "hV7qP2mX9zLkQ4wE"},
		"Azure":              {"secret " + join("abc8", "Q~", "hV7qP2mX9zLkhV7qP2mX9zLkhV7qP2mXab"), "azure-ad-client-secret", ""},
		"service by name":    {`heroku_api_key = "7a2f9a42-89e5-30be-f6db-f31f4cbf63d5"`, "heroku-api-key", "7a2f9a42-89e5-30be-f6db-f31f4cbf63d5"},
		"Firefox":            {`"encryptedUsername": "MDIEEPgAAAAAAAAAAAAAAAAAAAEwFAYIKoZIhvc"`, "firefox-login", ""},
		"PuTTY":              {"PuTTY-User-Key-File-2: ssh-rsa\nPublic-Lines: 1\nAAAA\nPrivate-Lines: 1\nAAABAQCO\nPrivate-MAC: 67", "putty-private-key", ""},
		"license of MaxMind": {join("hV7qP2", "_", "mX9zLkQ4wEhV7qP2mX9zLkQ4wEhV7", "_mmk"), "maxmind-license-key", ""},
		"Terraform":          {join("hV7qP2mX9zLkQ4", ".atlasv1.", strings.Repeat("hV7qP2mX9z", 6), "abc"), "hashicorp-tf-api-token", ""},
		"Facebook":           {join("1308742762612587", "|", "rhoK1cbv0DOU_RTX_87O4MkX7AI"), "facebook-access-token", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			got := secretsIn(tt.text)
			require.Len(t, got, 1)
			require.Equal(t, tt.rule, got[0].Entity)
			if tt.value != "" {
				require.Equal(t, tt.value, tt.text[got[0].Start:got[0].End])
			}
		})
	}
}

// What stands where secrets stand and is none.
func TestNoSecrets(t *testing.T) {
	t.Parallel()

	for _, text := range []string{
		"The password: it must have eight characters.", `password = os.environ["DB_PASSWORD"]`, "password: string", "password=$PASSWORD", "DB_PASSWORD=${DB_PASSWORD}",
		`{"password": "Passwort vergessen?"}`, "password = getPassword()", `api_key = "YOUR_API_KEY_HERE_123"`, "token: <token>", `"password": "password"`,
		"https://user:password@example.com", "postgres://${USER}:${PASS}@host/db", "key = keyboard_layout_id_12", `"accessibility": "0736f5ef-7e88-499a-80cc-90c85d2a5180"`,
		"public_key = \"9Cnzj4p4WGeKLs1Pt8QuKUpRKfFLfRYC9AIKjbJTWit\"", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----", "the machine was used to log in with a password today",
		"$10 and $6 a piece", "tokenizer = 'gpt2-medium-345M-v2'", "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"commit 6fe4476ee5a1832882e326b506d14126aabbccdd", "author = \"james.fake@ymail.com\"", "http://host:8080/@scope/package", "import token from 'a/b'",
	} {
		require.Empty(t, secretsIn(text), text)
	}
}

// Values under up to five layers of encoding are found where the encoded text stands.
func TestDecoding(t *testing.T) {
	t.Parallel()

	const plain = "please write to ann.lee@mail.corp.io at once"
	base64s := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	escape := func(prefix string, digits int) func(string) string {
		return func(s string) string {
			var b strings.Builder
			for _, c := range []byte(s) {
				b.WriteString(prefix + strings.Repeat("0", digits-2) + hex.EncodeToString([]byte{c}))
			}
			return b.String()
		}
	}
	tests := map[string]func(string) string{
		"base64": base64s, "base64url": func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
		"hex": func(s string) string { return hex.EncodeToString([]byte(s)) }, "percent": url.QueryEscape, "percent, all": escape("%", 2),
		`\x`: escape(`\x`, 2), `\u`: escape(`\u`, 4), "HTML": func(s string) string { return strings.ReplaceAll(s, "@", "&#64;") }, "HTML by name": func(s string) string { return strings.ReplaceAll(s, "@", "&commat;") },
		"two": func(s string) string { return base64s(base64s(s)) }, "five": func(s string) string { return base64s(base64s(base64s(base64s(base64s(s))))) },
		"percent around": func(s string) string { return url.QueryEscape(base64s(s)) }, "hex in base64": func(s string) string { return base64s(hex.EncodeToString([]byte(s))) },
	}
	for name, encode := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			before, encoded := "é before: ", encode(plain)
			text := before + encoded + " after"
			var got []pii.Match
			for _, m := range pii.Find(text) {
				if m.Class == pii.Email {
					got = append(got, m)
				}
			}
			require.Len(t, got, 1, "%q", text)
			require.GreaterOrEqual(t, got[0].Start, len(before))
			require.LessOrEqual(t, got[0].End, len(before)+len(encoded))
		})
	}
	require.Empty(t, pii.Find(base64s(base64s(base64s(base64s(base64s(base64s(plain))))))), "six layers are one too many")
}

// Decoding has a budget: a text of nothing but encodings of encodings gives no more than about its own length.
func TestDecodingBudget(t *testing.T) {
	t.Parallel()

	inner := strings.Repeat("x", 3000) + " ann.lee@mail.corp.io "
	for range 4 {
		inner = base64.StdEncoding.EncodeToString([]byte(inner))
	}
	text := strings.Repeat(inner+"\n", 200)
	found := len(pii.Find(text))
	require.Positive(t, found)
	require.Less(t, found, 200)
}

// Random letters in the shapes of other things are no secrets: digests, identifiers, and words.
func TestRandomTextHasNoSecrets(t *testing.T) {
	t.Parallel()

	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		for _, text := range []string{
			"sha1 " + random(r, hexes, 40), "digest: sha256:" + random(r, hexes, 64), random(r, alnum, 12) + " " + random(r, alnum, 7), "id=" + random(r, hexes, 8) + "-" + random(r, hexes, 4),
			"/" + random(r, alnum, 20) + "/" + random(r, alnum, 9) + ".go",
		} {
			require.Empty(t, secretsIn(text), text)
		}
	}
}
