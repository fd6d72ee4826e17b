package pii

import (
	"strings"
	"sync"
)

// A prefixRule knows credentials by a prefix that their issuer reserves. Names are those of gitleaks where it has the
// rule; prefixes, alphabets and lengths are from the issuers' documentation and from public descriptions of their tokens.
type prefixRule struct {
	id, prefix, body string
	entropy          float32 // least bits a character of the whole token; 0 for none
	fold             bool    // the prefix counts in either case
}

var prefixRules = []prefixRule{
	{"1password-secret-key", "A3-", "X{6}-X{5,6}[-]?X{5,6}-X{5}-X{5}-X{5}", 3.5, false},
	{"1password-service-account-token", "ops_eyJ", "b{250,1000}[=]{0,3}", 4, false},
	{"adobe-client-secret", "p8e-", "X{32}", 2, false},
	{"age-secret-key", "AGE-SECRET-KEY-1", "[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}", 0, false},
	{"airtable-personnal-access-token", "pat", "X{14}.h{64}", 3, false},
	{"alibaba-access-key-id", "LTAI", "X{20}", 2, false},
	{"anthropic-admin-api-key", "sk-ant-admin01-", "w{93}[A]{2}", 3, false},
	{"anthropic-api-key", "sk-ant-api03-", "w{93}[A]{2}", 3, false},
	{"anthropic-oauth-token", "sk-ant-oat01-", "w{60,120}", 3, false},
	{"artifactory-api-key", "AKCp", "X{69}", 3.5, false},
	{"artifactory-reference-token", "cmVmd", "X{59}", 3.5, false},
	{"atlassian-api-token", "ATATT3", "n{186}", 3.5, false},
	{"authress-service-client-access-key", "sc_", "X{5,30}.X{4,6}.acc[_-][a-z0-9-]{10,32}.[a-z0-9+/_=-]{30,120}", 2, false},
	{"authress-service-client-access-key", "ext_", "X{5,30}.X{4,6}.acc[_-][a-z0-9-]{10,32}.[a-z0-9+/_=-]{30,120}", 2, false},
	{"authress-service-client-access-key", "scauth_", "X{5,30}.X{4,6}.acc[_-][a-z0-9-]{10,32}.[a-z0-9+/_=-]{30,120}", 2, false},
	{"authress-service-client-access-key", "authress_", "X{5,30}.X{4,6}.acc[_-][a-z0-9-]{10,32}.[a-z0-9+/_=-]{30,120}", 2, false},
	{"aws-access-token", "AKIA", "[A-Z2-7]{16}", 3, false},
	{"aws-access-token", "ASIA", "[A-Z2-7]{16}", 3, false},
	{"aws-access-token", "ABIA", "[A-Z2-7]{16}", 3, false},
	{"aws-access-token", "ACCA", "[A-Z2-7]{16}", 3, false},
	{"aws-access-token", "A3T", "X[A-Z2-7]{16}", 3, false},
	{"aws-amazon-bedrock-api-key-long-lived", "ABSK", "b{109,269}[=]{0,2}", 3, false},
	{"aws-amazon-bedrock-api-key-short-lived", "bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t", "b{0,900}[=]{0,2}", 3, false},
	{"azure-devops-pat", "AZDO", "X{76,80}", 3.5, false},
	{"buildkite-api-token", "bkua_", "h{40}", 2, false},
	{"clickhouse-cloud-api-secret-key", "4b1d", "X{38}", 3, false},
	{"clojars-api-token", "CLOJARS_", "X{60}", 2, true},
	{"cloudflare-origin-ca-key", "v1.0-", "h{24}-h{146}", 2, false},
	{"databricks-api-token", "dapi", "h{32}[-]?9?", 3, false},
	{"defined-networking-api-token", "dnkey-", "n{26}-n{52}", 0, false},
	{"digitalocean-access-token", "doo_v1_", "h{64}", 3, false},
	{"digitalocean-pat", "dop_v1_", "h{64}", 3, false},
	{"digitalocean-refresh-token", "dor_v1_", "h{64}", 0, true},
	{"discord-webhook", "discord.com/api/webhooks/", "9{17,20}/w{60,80}", 3, false},
	{"discord-webhook", "discordapp.com/api/webhooks/", "9{17,20}/w{60,80}", 3, false},
	{"docker-pat", "dckr_pat_", "w{27}", 3, false},
	{"docker-pat", "dckr_oat_", "w{32}", 3, false},
	{"doppler-api-token", "dp.pt.", "X{43}", 2, false},
	{"duffel-api-token", "duffel_test_", "n{43}", 2, false},
	{"duffel-api-token", "duffel_live_", "n{43}", 2, false},
	{"dynatrace-api-token", "dt0c01.", "X{24}.X{64}", 3.5, false},
	{"easypost-api-token", "EZAK", "X{54}", 2, false},
	{"easypost-test-api-token", "EZTK", "X{54}", 2, false},
	{"facebook-page-access-token", "EAAM", "X{100,500}", 3.5, false},
	{"facebook-page-access-token", "EAAC", "X{100,500}", 3.5, false},
	{"figma-access-token", "figd_", "w{40}", 3, false},
	{"flutterwave-encryption-key", "FLWSECK_TEST-", "[A-H0-9]{12}", 2, true},
	{"flutterwave-secret-key", "FLWSECK_TEST-", "[A-H0-9]{32}-X", 2, true},
	{"flutterwave-public-key", "FLWPUBK_TEST-", "[A-H0-9]{32}-X", 2, true},
	{"flyio-access-token", "fo1_", "w{43}", 3.5, false},
	{"flyio-access-token", "fm1a_", "b{100,1000}[=]{0,3}", 4, false},
	{"flyio-access-token", "fm1r_", "b{100,1000}[=]{0,3}", 4, false},
	{"flyio-access-token", "fm2_", "b{100,1000}[=]{0,3}", 4, false},
	{"frameio-api-token", "fio-u-", "n{64}", 0, false},
	{"gcp-api-key", "AIza", "w{35}", 3.5, false},
	{"gcp-oauth-client-secret", "GOCSPX-", "w{28}", 3, false},
	{"gcp-oauth-token", "ya29.", "w{32,300}", 3, false},
	{"github-app-token", "ghu_", "X{36}", 3, false},
	{"github-app-token", "ghs_", "X{36}", 3, false},
	{"github-fine-grained-pat", "github_pat_", "w{82}", 3, false},
	{"github-oauth", "gho_", "X{36}", 3, false},
	{"github-pat", "ghp_", "X{36}", 3, false},
	{"github-refresh-token", "ghr_", "X{36,76}", 3, false},
	{"gitlab-cicd-job-token", "glcbt-", "X{1,5}_w{20}", 3, false},
	{"gitlab-deploy-token", "gldt-", "w{20}", 3, false},
	{"gitlab-feature-flag-client-token", "glffct-", "w{20}", 3, false},
	{"gitlab-feed-token", "glft-", "w{20}", 3, false},
	{"gitlab-incoming-mail-token", "glimt-", "w{25}", 3, false},
	{"gitlab-kubernetes-agent-token", "glagent-", "w{50}", 3, false},
	{"gitlab-oauth-app-secret", "gloas-", "w{64}", 3, false},
	{"gitlab-pat-routable", "glpat-", "w{27,300}.[0-9a-z]{9}", 3.5, false},
	{"gitlab-pat", "glpat-", "w{20}", 3, false},
	{"gitlab-ptt", "glptt-", "h{40}", 3, false},
	{"gitlab-rrt", "GR1348941", "w{20}", 3, false},
	{"gitlab-runner-authentication-token-routable", "glrt-t", "9_w{27,300}.[0-9a-z]{9}", 3.5, false},
	{"gitlab-runner-authentication-token", "glrt-", "w{20}", 3, false},
	{"gitlab-scim-token", "glsoat-", "w{20}", 3, false},
	{"gitlab-session-cookie", "_gitlab_session=", "X{32}", 3, false},
	{"grafana-api-key", "eyJrIjoi", "X{70,400}[=]{0,3}", 3, true},
	{"grafana-cloud-api-token", "glc_", "b{32,400}[=]{0,3}", 3, false},
	{"grafana-service-account-token", "glsa_", "X{32}_h{8}", 3, false},
	{"groq-api-key", "gsk_", "X{52}", 3, false},
	{"harness-api-key", "pat.", "w{22}.X{24}.X{20}", 3, false},
	{"harness-api-key", "sat.", "w{22}.X{24}.X{20}", 3, false},
	{"heroku-api-key-v2", "HRKU-AA", "w{58}", 3.5, false},
	{"huggingface-access-token", "hf_", "A{34}", 2, false},
	{"huggingface-access-token", "hf_", "X{34,40}", 3.5, false},
	{"huggingface-organization-api-token", "api_org_", "A{34}", 2, false},
	{"infracost-api-token", "ico-", "X{32}", 3, false},
	{"intra42-client-secret", "s-s4t2ud-", "h{64}", 3, false},
	{"intra42-client-secret", "s-s4t2af-", "h{64}", 3, false},
	{"langsmith-api-key", "lsv2_pt_", "h{32}_h{10}", 3, false},
	{"langsmith-api-key", "lsv2_sk_", "h{32}_h{10}", 3, false},
	{"linear-api-key", "lin_api_", "X{40}", 2, false},
	{"linear-oauth-token", "lin_oauth_", "h{64}", 2, false},
	{"mailgun-private-api-token", "key-", "h{32}", 3, false},
	{"mapbox-api-token", "pk.", "X{60}.X{22}", 3, false},
	{"mapbox-api-token", "sk.", "X{60}.X{22}", 3, false},
	{"microsoft-teams-webhook", "webhook.office.com/webhookb2/", "[a-z0-9-]{36}[@][a-z0-9-]{36}/IncomingWeb[h]ook/X{32}/[a-z0-9-]{36}", 0, false},
	{"new-relic-browser-api-token", "NRJS-", "h{19}", 2, false},
	{"new-relic-insert-key", "NRII-", "[a-z0-9-]{32}", 2, false},
	{"new-relic-user-api-key", "NRAK-", "X{27}", 2, false},
	{"notion-api-token", "ntn_", "9{11}X{35}", 3.5, false},
	{"notion-api-token", "secret_", "X{43}", 3.5, false},
	{"npm-access-token", "npm_", "X{36}", 2, true},
	{"nvidia-api-key", "nvapi-", "w{64}", 3, false},
	{"octopus-deploy-api-key", "API-", "X{26}", 3, false},
	{"openai-api-key", "sk-proj-", "w{40,170}", 3, false},
	{"openai-api-key", "sk-svcacct-", "w{40,170}", 3, false},
	{"openai-api-key", "sk-admin-", "w{40,170}", 3, false},
	{"openai-api-key", "sk-", "X{48}", 3, false},
	{"openrouter-api-key", "sk-or-v1-", "h{64}", 3, false},
	{"openshift-user-token", "sha256~", "w{43}", 3.5, false},
	{"perplexity-api-key", "pplx-", "X{48}", 3.5, false},
	{"plaid-api-token", "access-sandbox-", "h{8}-h{4}-h{4}-h{4}-h{12}", 0, false},
	{"plaid-api-token", "access-development-", "h{8}-h{4}-h{4}-h{4}-h{12}", 0, false},
	{"plaid-api-token", "access-production-", "h{8}-h{4}-h{4}-h{4}-h{12}", 0, false},
	{"planetscale-api-token", "pscale_tkn_", "d{32,64}", 3, false},
	{"planetscale-oauth-token", "pscale_oauth_", "d{32,64}", 3, false},
	{"planetscale-password", "pscale_pw_", "d{32,64}", 3, true},
	{"postman-api-token", "PMAK-", "h{24}-h{34}", 3, false},
	{"prefect-api-token", "pnu_", "X{36}", 2, false},
	{"pulumi-api-token", "pul-", "h{40}", 2, false},
	{"pypi-upload-token", "pypi-AgEIcHlwaS5vcmc", "w{50,1000}", 3, false},
	{"pypi-upload-token", "pypi-AgENdGVzdC5weXBpLm9yZw", "w{50,1000}", 3, false},
	{"readme-api-token", "rdme_", "X{70}", 2, false},
	{"replicate-api-token", "r8_", "X{37}", 3, false},
	{"rubygems-api-token", "rubygems_", "h{48}", 2, false},
	{"scalingo-api-token", "tk-us-", "w{48}", 2, false},
	{"sendgrid-api-token", "SG.", "d{66}", 2, false},
	{"sendinblue-api-token", "xkeysib-", "h{64}-X{16}", 2, false},
	{"sentry-org-token", "sntrys_eyJpYXQiO", "b{20,400}[=]{0,2}_b{43}", 4, false},
	{"sentry-user-token", "sntryu_", "h{64}", 3, false},
	{"settlemint-application-access-token", "sm_aat_", "X{16}", 3, false},
	{"settlemint-personal-access-token", "sm_pat_", "X{16}", 3, false},
	{"settlemint-service-access-token", "sm_sat_", "X{16}", 3, false},
	{"shippo-api-token", "shippo_live_", "h{40}", 2, false},
	{"shippo-api-token", "shippo_test_", "h{40}", 2, false},
	{"shopify-access-token", "shpat_", "h{32}", 2, false},
	{"shopify-custom-access-token", "shpca_", "h{32}", 2, false},
	{"shopify-private-app-access-token", "shppa_", "h{32}", 2, false},
	{"shopify-shared-secret", "shpss_", "h{32}", 2, false},
	{"slack-app-token", "xapp-", "9-X{4,24}-9{4,20}-X{20,80}", 2, true},
	{"slack-bot-token", "xoxb-", "9{10,13}-9{10,13}[a-z0-9-]{0,100}", 3, false},
	{"slack-config-access-token", "xoxe.xoxb-", "9-X{163,166}", 2, true},
	{"slack-config-access-token", "xoxe.xoxp-", "9-X{163,166}", 2, true},
	{"slack-config-refresh-token", "xoxe-", "9-X{146}", 2, true},
	{"slack-legacy-bot-token", "xoxb-", "9{8,14}-X{18,26}", 2, false},
	{"slack-legacy-token", "xoxo-", "9{1,20}-9{1,20}-9{1,20}-h{1,64}", 2, false},
	{"slack-legacy-token", "xoxs-", "9{1,20}-9{1,20}-9{1,20}-h{1,64}", 2, false},
	{"slack-legacy-workspace-token", "xoxa-", "[a-z0-9-]{8,100}", 2, false},
	{"slack-legacy-workspace-token", "xoxr-", "[a-z0-9-]{8,100}", 2, false},
	{"slack-user-token", "xoxp-", "9{10,13}-9{10,13}-9{10,13}-[a-z0-9-]{28,34}", 2, false},
	{"slack-user-token", "xoxe-", "9{10,13}-9{10,13}-9{10,13}-[a-z0-9-]{28,34}", 2, false},
	{"slack-webhook-url", "hooks.slack.com/services/", "b{43,80}", 0, false},
	{"slack-webhook-url", "hooks.slack.com/workflows/", "b{43,80}", 0, false},
	{"slack-webhook-url", "hooks.slack.com/triggers/", "b{43,80}", 0, false},
	{"sonar-api-token", "squ_", "n{40}", 3, false},
	{"sonar-api-token", "sqp_", "n{40}", 3, false},
	{"sonar-api-token", "sqa_", "n{40}", 3, false},
	{"sourcegraph-access-token", "sgp_", "h{40}", 3, true},
	{"sourcegraph-access-token", "sgp_", "h{16}_h{40}", 3, true},
	{"sourcegraph-access-token", "sgp_local_", "h{40}", 3, true},
	{"square-access-token", "sq0atp-", "w{22,60}", 2, false},
	{"square-access-token", "EAAA", "w{56,60}", 2, false},
	{"square-secret", "sq0csp-", "w{43}", 2, false},
	{"stripe-access-token", "sk_test_", "X{10,107}", 2, false},
	{"stripe-access-token", "sk_live_", "X{10,107}", 2, false},
	{"stripe-access-token", "sk_prod_", "X{10,107}", 2, false},
	{"stripe-access-token", "rk_test_", "X{10,107}", 2, false},
	{"stripe-access-token", "rk_live_", "X{10,107}", 2, false},
	{"stripe-access-token", "rk_prod_", "X{10,107}", 2, false},
	{"stripe-webhook-secret", "whsec_", "b{32,64}", 3, false},
	{"supabase-key", "sbp_", "h{40}", 2, false},
	{"tailscale-key", "tskey-auth-", "X{8,20}-X{20,40}", 3, false},
	{"tailscale-key", "tskey-api-", "X{8,20}-X{20,40}", 3, false},
	{"twilio-api-key", "SK", "h{32}", 3, false},
	{"typeform-api-token", "tfp_", "d{59}", 0, false},
	{"vault-batch-token", "hvb.", "w{138,300}", 3.5, false},
	{"vault-service-token", "hvs.", "w{90,120}", 3.5, false},
	{"vercel-token", "vck_", "X{56}", 3, false},
	{"xai-api-key", "xai-", "X{80}", 3, false},
	{"yandex-api-key", "AQVN", "w{35,38}", 3, false},
}

// A keywordRule knows credentials by the name of a service in the name that they are assigned to, and by their alphabet
// and length.
type keywordRule struct {
	id, keywords, body string
	entropy            float32
	lower              bool // hex in small letters only
}

const uuidBody = "h{8}-h{4}-h{4}-h{4}-h{12}"

var keywordRules = []keywordRule{
	{"adafruit-api-key", "adafruit", "w{32}", 2, false},
	{"adobe-client-id", "adobe", "h{32}", 2, false},
	{"airtable-api-key", "airtable", "X{17}", 2, false},
	{"algolia-api-key", "algolia", "X{32}", 2, false},
	{"alibaba-secret-key", "alibaba", "X{30}", 2, false},
	{"asana-client-id", "asana", "9{16}", 2, false},
	{"asana-client-secret", "asana", "X{32}", 2, false},
	{"atlassian-api-token", "atlassian confluence jira", "X{20}h{4}", 3.5, false},
	{"beamer-api-token", "beamer", "b_n{44}", 2, false},
	{"bitbucket-client-id", "bitbucket", "X{32}", 2, false},
	{"bitbucket-client-secret", "bitbucket", "n{64}", 2, false},
	{"bittrex-access-key", "bittrex", "X{32}", 2, false},
	{"bittrex-secret-key", "bittrex", "X{32}", 2, false},
	{"cisco-meraki-api-key", "meraki", "h{40}", 3, true},
	{"cloudflare-api-key", "cloudflare", "w{40}", 2, false},
	{"cloudflare-global-api-key", "cloudflare", "h{37}", 2, false},
	{"codecov-access-token", "codecov", "X{32}", 2, false},
	{"cohere-api-token", "cohere co_api_key", "X{40}", 3.5, false},
	{"coinbase-access-token", "coinbase", "w{64}", 2, false},
	{"confluent-access-token", "confluent", "X{16}", 2, false},
	{"confluent-secret-key", "confluent", "X{64}", 2, false},
	{"contentful-delivery-api-token", "contentful", "n{43}", 2, false},
	{"datadog-access-token", "datadog", "X{40}", 2, false},
	{"defined-networking-api-token", "dnkey", "dnkey-n{26}-n{52}", 0, false},
	{"discord-api-token", "discord", "h{64}", 2, false},
	{"discord-client-id", "discord", "9{18}", 2, false},
	{"discord-client-secret", "discord", "n{32}", 2, false},
	{"droneci-access-token", "droneci", "X{32}", 2, false},
	{"dropbox-api-token", "dropbox", "X{15}", 2, false},
	{"dropbox-long-lived-api-token", "dropbox", "X{11}A{10}n{43}", 2, false},
	{"dropbox-short-lived-api-token", "dropbox", "sl.n{135}", 2, false},
	{"etsy-access-token", "etsy", "X{24}", 3, false},
	{"facebook-secret", "facebook", "h{32}", 3, false},
	{"fastly-api-token", "fastly", "n{32}", 2, false},
	{"finicity-api-token", "finicity", "h{32}", 2, false},
	{"finicity-client-secret", "finicity", "X{20}", 2, false},
	{"finnhub-access-token", "finnhub", "X{20}", 2, false},
	{"flickr-access-token", "flickr", "X{32}", 2, false},
	{"freshbooks-access-token", "freshbooks", "X{64}", 2, false},
	{"gitter-access-token", "gitter", "w{40}", 2, false},
	{"gocardless-api-token", "gocardless", "live_n{40}", 2, false},
	{"heroku-api-key", "heroku", uuidBody, 2, false},
	{"hubspot-api-key", "hubspot", uuidBody, 2, false},
	{"intercom-api-key", "intercom", "n{60}", 2, false},
	{"jfrog-api-key", "jfrog artifactory bintray xray", "X{73}", 2, false},
	{"jfrog-identity-token", "jfrog artifactory bintray xray", "X{64}", 2, false},
	{"kraken-access-token", "kraken", "[a-z0-9/=_+-]{80,90}", 2, false},
	{"kucoin-access-token", "kucoin", "h{24}", 2, false},
	{"kucoin-secret-key", "kucoin", uuidBody, 2, false},
	{"launchdarkly-access-token", "launchdarkly", "n{40}", 2, false},
	{"linear-client-secret", "linear", "h{32}", 2, false},
	{"linkedin-client-id", "linkedin linked_in linked-in", "X{14}", 2, false},
	{"linkedin-client-secret", "linkedin linked_in linked-in", "X{16}", 2, false},
	{"lob-api-key", "lob", "live_h{35}", 2, false},
	{"lob-api-key", "lob", "test_h{35}", 2, false},
	{"lob-pub-api-key", "lob", "test_pub_h{31}", 2, false},
	{"lob-pub-api-key", "lob", "live_pub_h{31}", 2, false},
	{"looker-client-id", "looker", "X{20}", 2, false},
	{"looker-client-secret", "looker", "X{24}", 2, false},
	{"mailchimp-api-key", "mailchimp", "h{32}-us9{2}", 2, false},
	{"mailgun-private-api-token", "mailgun", "key-h{32}", 2, false},
	{"mailgun-pub-key", "mailgun", "pubkey-h{32}", 2, false},
	{"mailgun-signing-key", "mailgun", "[A-H0-9]{32}-[A-H0-9]{8}-[A-H0-9]{8}", 2, false},
	{"mattermost-access-token", "mattermost", "X{26}", 2, false},
	{"messagebird-api-token", "messagebird message-bird message_bird", "X{25}", 2, false},
	{"messagebird-client-id", "messagebird message-bird message_bird", uuidBody, 2, false},
	{"netlify-access-token", "netlify", "n{40,46}", 2, false},
	{"new-relic-user-api-id", "new-relic newrelic new_relic", "X{64}", 2, false},
	{"nytimes-access-token", "nytimes new-york-times newyorktimes", "n{32}", 2, false},
	{"okta-access-token", "okta", "00n{40}", 3.5, false},
	{"plaid-client-id", "plaid", "X{24}", 3.5, false},
	{"plaid-secret-key", "plaid", "X{30}", 3.5, false},
	{"privateai-api-token", "privateai private_ai private-ai", "X{32}", 3, false},
	{"rapidapi-access-token", "rapidapi", "w{50}", 2, false},
	{"sendbird-access-id", "sendbird", uuidBody, 2, false},
	{"sendbird-access-token", "sendbird", "h{40}", 2, false},
	{"sentry-access-token", "sentry", "h{64}", 3, false},
	{"sidekiq-secret", "bundle_enterprise__contribsys__com bundle_gems__contribsys__com", "h{8}:h{8}", 0, false},
	{"snyk-api-token", "snyk", uuidBody, 2, false},
	{"sonar-api-token", "sonar", "n{40}", 2, false},
	{"sourcegraph-access-token", "sourcegraph", "h{40}", 3, false},
	{"squarespace-access-token", "squarespace", uuidBody, 2, false},
	{"sumologic-access-id", "sumo", "suX{12}", 3, false},
	{"sumologic-access-token", "sumo", "X{64}", 3, false},
	{"telegram-bot-api-token", "telegr", "9{5,16}:Aw{34}", 2, false},
	{"travisci-access-token", "travis", "X{22}", 2, false},
	{"twitch-api-token", "twitch", "X{30}", 2, false},
	{"twitter-access-secret", "twitter", "X{45}", 2, false},
	{"twitter-access-token", "twitter", "9{15,25}-X{20,40}", 2, false},
	{"twitter-api-key", "twitter", "X{25}", 2, false},
	{"twitter-api-secret", "twitter", "X{50}", 2, false},
	{"twitter-bearer-token", "twitter", "[A]{22}[A-Z0-9%]{80,100}", 1, false},
	{"yandex-access-token", "yandex", "t1.w{1,300}[=]{0,2}.w{86}[=]{0,2}", 2, false},
	{"yandex-aws-access-token", "yandex", "YCw{38}", 2, false},
	{"zendesk-secret-key", "zendesk", "X{40}", 2, false},
}

// Rules with finders of their own, beside the tables.
const (
	ruleGeneric    = "generic-api-key"
	rulePassword   = "generic-password"
	rulePrivateKey = "private-key"
	rulePuTTY      = "putty-private-key"
	ruleJWT        = "jwt"
	ruleURL        = "url-credentials"
	ruleHash       = "password-hash"
	ruleNetrc      = "netrc-password"
	rulePgpass     = "pgpass-password"
	ruleWordPress  = "wordpress-salt"
	ruleNpmrc      = "npmrc-auth"
	ruleFirefox    = "firefox-login"
	ruleAzureAD    = "azure-ad-client-secret"
	ruleTerraform  = "hashicorp-tf-api-token"
	ruleMaxMind    = "maxmind-license-key"
	ruleAuthHeader = "curl-auth-header"
	ruleSidekiq    = "sidekiq-sensitive-url"
	ruleFacebook   = "facebook-access-token"
)

var ownRules = []string{
	ruleGeneric, rulePassword, rulePrivateKey, rulePuTTY, ruleJWT, ruleURL, ruleHash, ruleNetrc, rulePgpass, ruleWordPress, ruleNpmrc, ruleFirefox,
	ruleAzureAD, ruleTerraform, ruleMaxMind, ruleAuthHeader, ruleSidekiq, ruleFacebook,
}

// A prefixIndex finds rules by the first three bytes of a word: a bit for each possible start, then a list.
type prefixIndex struct {
	bits  [1 << 15 / 64]uint64
	rules map[uint16][]*prefixForm
}

type prefixForm struct {
	*prefixRule
	pattern
	special func(s *Scanner, at int)
}

var prefixes = sync.OnceValue(func() *prefixIndex {
	x := &prefixIndex{rules: map[uint16][]*prefixForm{}}
	for i := range prefixRules {
		r := &prefixRules[i]
		x.put(r.prefix, &prefixForm{prefixRule: r, pattern: compile(r.body)})
	}
	for _, sp := range []struct {
		prefix string
		find   func(s *Scanner, at int)
	}{{"ey", (*Scanner).findJWT}, {"PuTTY-User-Key-File-", (*Scanner).findPuTTY}, {"machine", (*Scanner).findNetrc}, {"atlasv1.", (*Scanner).findTerraform}, {"default login", (*Scanner).findNetrc}} {
		x.put(sp.prefix, &prefixForm{prefixRule: &prefixRule{prefix: sp.prefix}, special: sp.find})
	}
	return x
})

// put lists f under its first bytes; a prefix of two bytes is listed under every third one.
func (x *prefixIndex) put(prefix string, f *prefixForm) {
	thirds := []byte{0}
	if len(prefix) == 2 {
		for c := range byte(31) {
			thirds = append(thirds, c+1)
		}
	} else {
		thirds[0] = prefix[2]
	}
	for _, third := range thirds {
		k := prefixKey(prefix[0], prefix[1], third)
		x.bits[k/64] |= 1 << (k % 64)
		x.rules[k] = append(x.rules[k], f)
	}
}

// prefixKey keeps five bits of each byte, which are the same for a letter in either case.
func prefixKey(a, b, c byte) uint16 { return uint16(a&31) | uint16(b&31)<<5 | uint16(c&31)<<10 }

// may reports whether a rule may have a prefix that begins as the text does at at.
func (x *prefixIndex) may(text string, at int) bool {
	if at+3 > len(text) {
		return false
	}
	k := prefixKey(text[at], text[at+1], text[at+2])
	return x.bits[k/64]>>(k%64)&1 == 1
}

// Rules returns the names of all rules for secrets.
func Rules() []string {
	seen := map[string]bool{}
	var out []string
	add := func(id string) {
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	for _, r := range prefixRules {
		add(r.id)
	}
	for _, r := range keywordRules {
		add(r.id)
	}
	for _, id := range ownRules {
		add(id)
	}
	return out
}

// A Recognizer describes one kind of personal data for tables and flags.
type Recognizer struct {
	Entity string
	Class  Class
	Rule   string // what the check looks at; empty without one
}

// Recognizers returns what there is, generic ones first.
func Recognizers() []Recognizer {
	out := make([]Recognizer, len(recognizers))
	for i, r := range recognizers {
		out[i] = Recognizer{r.entity, r.class, r.rule}
	}
	return out
}

// A keyword in the name that a value is assigned to, and the rules that it opens.
type keyword struct {
	text  string
	rules []int // of keywordRules
}

// Generic keywords come first, so that their bits are known.
const (
	kwAccess = iota
	kwAPI
	kwAuth
	kwKey
	kwCredential
	kwCreds
	kwPasswd
	kwPassword
	kwSecret
	kwToken
	kwPass
	kwPwd
	kwPassphrase
	kwEncryptedUsername
	kwSalt
	kwAuthorization
	kwGeneric // how many
)

var keywords = sync.OnceValue(func() []keyword {
	words := []keyword{
		{text: "access"},
		{text: "api"},
		{text: "auth"},
		{text: "key"},
		{text: "credential"},
		{text: "creds"},
		{text: "passwd"},
		{text: "password"},
		{text: "secret"},
		{text: "token"},
		{text: "pass"},
		{text: "pwd"},
		{text: "passphrase"},
		{text: "encryptedusername"},
		{text: "salt"},
		{text: "authorization"},
	}
	index := map[string]int{}
	for i, r := range keywordRules {
		for w := range strings.FieldsSeq(r.keywords) {
			at, ok := index[w]
			if !ok {
				at = len(words)
				index[w] = at
				words = append(words, keyword{text: w})
			}
			words[at].rules = append(words[at].rules, i)
		}
	}
	return words
})
