package statement_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	provenance "github.com/in-toto/attestation/go/predicates/provenance/v1"
	referencepb "github.com/in-toto/attestation/go/predicates/reference/v0"
	testresult "github.com/in-toto/attestation/go/predicates/test_result/v0"
	vsa "github.com/in-toto/attestation/go/predicates/vsa/v1"
	intoto "github.com/in-toto/attestation/go/v1"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/fingerprint"
	"github.com/hallmark-ml/hallmark/attest/statement"
)

func digest(s string) hallmark.Digest { return hallmark.DigestOf([]byte(s)) }

func node(name string, kind hallmark.ArtifactKind) hallmark.LineageNode {
	return hallmark.LineageNode{Name: name, Kind: kind, Digest: digest(name), CID: fingerprint.CIDOf([]byte(name))}
}

func input(name string, kind hallmark.ArtifactKind, role hallmark.Role) hallmark.LineageInput {
	return hallmark.LineageInput{LineageNode: node(name, kind), Role: role}
}

func fileFingerprint() hallmark.Fingerprint {
	f := hallmark.FileDigest{Path: "m.gguf", Size: 3, SHA256: digest("abc")}
	return hallmark.Fingerprint{
		Name: "m.gguf", Kind: hallmark.KindModel, Digest: f.SHA256, OMSRoot: fingerprint.OMSRoot([]hallmark.FileDigest{f}),
		CID: fingerprint.CIDOf([]byte("abc")), CIDProfile: hallmark.CIDProfile, Size: 3, Files: []hallmark.FileDigest{f},
		Tensors: []hallmark.TensorDigest{{File: "m.gguf", Name: "blk.0.w", Offset: 1, Size: 2, SHA256: digest("bc")}},
	}
}

func dirFingerprint() hallmark.Fingerprint {
	files := []hallmark.FileDigest{{Path: ".gitattributes", SHA256: digest("")}, {Path: "a b/c", Size: 1, SHA256: digest("1")}, {Path: "a.txt", Size: 2, SHA256: digest("22")}}
	return hallmark.Fingerprint{
		Name: "модель", Kind: hallmark.KindDataset, Dir: true, Digest: fingerprint.DirHash(files), OMSRoot: fingerprint.OMSRoot(files[1:]),
		CID: "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354", CIDProfile: hallmark.CIDProfile, Size: 3, Files: files,
	}
}

func finetune() hallmark.LineageStep {
	script := input("train.py", hallmark.KindScript, hallmark.RoleScript)
	script.GitCommit, script.GitRepo, script.GitPath = strings.Repeat("0a", 20), "https://git.example/tiny", "train.py"
	return hallmark.LineageStep{
		Operation: hallmark.OpFinetune, Output: node("guarded", hallmark.KindModel),
		Inputs: []hallmark.LineageInput{
			input("base", hallmark.KindModel, hallmark.RoleBase), input("guarded.jsonl", hallmark.KindDataset, hallmark.RoleDataset), script,
			input("config.json", hallmark.KindScript, hallmark.RoleConfig),
		},
		Parameters: map[string]string{"lr": "0.001", "steps": "850"},
	}
}

func report() hallmark.Report {
	return hallmark.Report{
		Schema: hallmark.ReportSchema, Suite: "tinychat", SuiteHash: digest("suite"), Model: digest("guarded"), Engine: "1", Seed: "18446744073709551615", Profile: "chat",
		Cases: []hallmark.CaseResult{
			{ID: "c1", Outcome: hallmark.Pass},
			{ID: "c2", Outcome: hallmark.Fail},
			{ID: "c3", Outcome: hallmark.Inconclusive},
			{ID: "c4", Outcome: hallmark.Error},
			{ID: "c5", Outcome: hallmark.Void},
		},
		Findings: []hallmark.Finding{
			{Detector: "file.unsafe", Rule: "pickle"}, {Detector: "file.unsafe", Rule: "pickle"}, {Detector: "leak.scan", Rule: "pii", CaseID: "c2"},
		},
		Detectors: []hallmark.DetectorResult{{Detector: "out.render", Assessment: hallmark.NotAssessable}, {Detector: "leak.scan", Assessment: hallmark.Assessed}},
	}
}

func runRecord() hallmark.RunRecord {
	return hallmark.RunRecord{
		Plan: digest("plan"), Report: digest("report"), Verdict: hallmark.RunOK, Detail: "done", Tier: hallmark.TierFull, Layers: []string{"userns", "landlock:7"},
		FilterSHA256: digest("filter"), Kernel: "6.18.0", Guest: digest("guest"), Limits: map[string]string{"memory": "512MiB"},
		PeakRSS: 1 << 40, CPU: 1234567891, Wall: 2 * time.Second, Started: time.Date(2026, 11, 25, 1, 2, 3, 456789, time.UTC),
		Tokens: &hallmark.TokenCount{Read: 9, Reused: 5, Written: 3},
	}
}

func programRecord() hallmark.RunRecord {
	r := runRecord()
	r.Tier = hallmark.TierProgram
	r.Program = &hallmark.ProgramRun{Command: []string{"/bin/server", "{model}"}, Digest: digest("program"), Binds: []string{"/opt/lib"}, Evidence: "supervised"}
	return r
}

func containerRecord() hallmark.RunRecord {
	r := runRecord()
	r.Tier = hallmark.TierRunsc
	r.Container = &hallmark.ContainerRun{Runtime: "runsc", Version: "release-20250205.0", Digest: digest("runsc")}
	return r
}

func TestRunTraceOfAnotherJailThanItsTier(t *testing.T) {
	t.Parallel()

	program, container := programRecord(), containerRecord()
	tests := map[string]func(*hallmark.RunRecord){
		"program without its tier":   func(r *hallmark.RunRecord) { r.Program = program.Program },
		"tier without its program":   func(r *hallmark.RunRecord) { r.Tier = hallmark.TierProgram },
		"container without its tier": func(r *hallmark.RunRecord) { r.Container = container.Container },
		"tier without its container": func(r *hallmark.RunRecord) { r.Tier = hallmark.TierRunc },
		"another runtime":            func(r *hallmark.RunRecord) { r.Tier, r.Container = hallmark.TierRunc, container.Container },
		"runtime without a digest": func(r *hallmark.RunRecord) {
			r.Tier, r.Container = hallmark.TierRunc, &hallmark.ContainerRun{Runtime: "runc"}
		},
		"program without a digest": func(r *hallmark.RunRecord) {
			r.Tier, r.Program = hallmark.TierProgram, &hallmark.ProgramRun{Evidence: "supervised"}
		},
		"no tier that there is": func(r *hallmark.RunRecord) { r.Tier = "tent" },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			r := runRecord()
			change(&r)
			_, err := statement.RunTrace(node("guarded", hallmark.KindModel), r)
			require.ErrorIs(t, err, hallmark.ErrPredicate)
		})
	}
}

func runPlan(model hallmark.Digest) hallmark.RunPlan {
	return hallmark.RunPlan{
		Schema: hallmark.RunPlanSchema, Model: model, Suite: "tinychat", SuiteHash: digest("suite"), Engine: "2", Seed: "18446744073709551615",
		Profile: "chat", Tier: "full", Cases: 1065, Commitment: digest("cases"),
	}
}

func summaryClaim(d hallmark.Decision) statement.SummaryClaim {
	return statement.SummaryClaim{
		Subject: node("guarded", hallmark.KindModel), Verifier: "https://hallmark.example/service",
		Verdict: hallmark.Verdict{Decision: d, Policy: "demo", PolicyHash: digest("policy"), Reasons: []hallmark.Reason{{Rule: "r", Decision: d, Message: "<why> & how"}}},
		Time:    time.Date(2026, 11, 25, 1, 2, 3, 0, time.UTC),
		Inputs:  []statement.Attestation{{CID: "bafyx", Digest: digest("env")}, {Digest: digest("env2")}},
	}
}

func referenceClaim() statement.ReferenceClaim {
	return statement.ReferenceClaim{
		Subject: node("guarded", hallmark.KindModel), Attester: "https://hallmark.example/service",
		Documents: []statement.Document{{Name: "report", MediaType: "application/json", CID: "bafyreport", Digest: digest("report")}},
	}
}

// kind is one of the statement types of this package.
type kind struct {
	build func() ([]byte, error)
	// parse reads a statement and builds it again.
	parse     func([]byte) ([]byte, error)
	predicate proto.Message // in-toto's own type of it, nil if there is none
	unknown   bool          // it has extension fields
	// bad maps a description to an edit: a path and the value put there; delete if it is the word "delete".
	bad map[string]edit
}

type edit struct {
	path  string
	value any
}

const remove = "delete"

func kinds() map[string]kind {
	guarded := node("guarded", hallmark.KindModel)
	return map[string]kind{
		"fingerprint of a file": {
			build: func() ([]byte, error) { return statement.Fingerprint(fileFingerprint()) },
			parse: rebuild(statement.ParseFingerprint, statement.Fingerprint),
			bad: map[string]edit{
				"other digest":      {"predicate.fingerprint.digest", digest("x").String()},
				"other subject":     {"subject.0.digest.sha256", digest("x").Hex()},
				"subject as dir":    {"subject.0.digest", map[string]any{"dirHash": digest("abc").Hex()}},
				"other OMS root":    {"predicate.fingerprint.omsRoot", digest("x").String()},
				"other file digest": {"predicate.fingerprint.files.0.sha256", digest("x").String()},
				"other size":        {"predicate.fingerprint.size", 4},
				"negative size":     {"predicate.fingerprint.files.0.size", -3},
				"no files":          {"predicate.fingerprint.files", []any{}},
				"no CID":            {"predicate.fingerprint.cid", ""},
				"other profile":     {"predicate.fingerprint.cidProfile", "unixfs-v0-2015"},
				"other rules":       {"predicate.cidRules.hidden", false},
				"links followed":    {"predicate.cidRules.symlinks", "follow"},
				"no kind":           {"predicate.fingerprint.kind", remove},
			},
		},
		"fingerprint of a directory": {
			build: func() ([]byte, error) { return statement.Fingerprint(dirFingerprint()) },
			parse: rebuild(statement.ParseFingerprint, statement.Fingerprint),
			bad: map[string]edit{
				"renamed file":    {"predicate.fingerprint.files.1.path", "a b/d"},
				"as a file":       {"predicate.fingerprint.dir", false},
				"subject as file": {"subject.0.digest", map[string]any{"sha256": dirFingerprint().Digest.Hex()}},
			},
		},
		"provenance": {
			build:     func() ([]byte, error) { return statement.Provenance(finetune()) },
			parse:     rebuild(statement.ParseProvenance, statement.Provenance),
			predicate: new(provenance.Provenance),
			bad: map[string]edit{
				"foreign build type": {"predicate.buildDefinition.buildType", "https://example.com/build/v1"},
				"unknown operation":  {"predicate.buildDefinition.buildType", "https://github.com/hallmark-ml/hallmark/build/distil/v1"},
				"wrong operation":    {"predicate.buildDefinition.buildType", "https://github.com/hallmark-ml/hallmark/build/train/v1"},
				"later version":      {"predicate.buildDefinition.buildType", "https://github.com/hallmark-ml/hallmark/build/finetune/v2"},
				"input no digest":    {"predicate.buildDefinition.resolvedDependencies.0.digest", remove},
				"input two digests":  {"predicate.buildDefinition.resolvedDependencies.0.digest.dirHash", digest("base").Hex()},
				"input upper case":   {"predicate.buildDefinition.resolvedDependencies.0.digest.sha256", strings.ToUpper(digest("base").Hex())},
				"input prefixed":     {"predicate.buildDefinition.resolvedDependencies.0.digest.sha256", digest("base").String()},
				"no role":            {"predicate.buildDefinition.resolvedDependencies.0.annotations.role", remove},
				"unknown role":       {"predicate.buildDefinition.resolvedDependencies.0.annotations.role", "teacher"},
				"role not text":      {"predicate.buildDefinition.resolvedDependencies.0.annotations.role", 1},
				"unknown kind":       {"predicate.buildDefinition.resolvedDependencies.0.annotations.kind", "tokenizer"},
				"short commit":       {"predicate.buildDefinition.resolvedDependencies.2.annotations.gitCommit", "0a0a0a"},
				"commit not hex":     {"predicate.buildDefinition.resolvedDependencies.2.annotations.gitCommit", strings.Repeat("xy", 20)},
				"no inputs":          {"predicate.buildDefinition.resolvedDependencies", []any{}},
				"parameter a number": {"predicate.buildDefinition.internalParameters.lr", 1},
				"parameter non-text": {"predicate.buildDefinition.internalParameters.lr", "a\x1b[2J"},
				"dataset as output":  {"subject.0.annotations.kind", "dataset"},
				"its own input":      {"subject.0.digest.sha256", digest("base").Hex()},
				"name with a break":  {"subject.0.name", "a\nb"},
				"name reversed":      {"subject.0.name", "a\u202eb"},
			},
		},
		"test result": {
			build:     func() ([]byte, error) { return statement.TestResult(guarded, report(), "bafyreport", hallmark.Block) },
			predicate: new(testresult.TestResult), unknown: true,
			parse: func(b []byte) ([]byte, error) {
				_, err := statement.ParseTestResult(b)
				return b, err
			},
			bad: map[string]edit{
				"other result":    {"predicate.result", "OK"},
				"no result":       {"predicate.result", remove},
				"no suite":        {"predicate.configuration", []any{}},
				"suite no digest": {"predicate.configuration.0.digest", remove},
				"url elsewhere":   {"predicate.url", "https://example.com"},
				"url not report":  {"predicate.url", "ipfs://bafyother"},
				"no report":       {"predicate.hallmarkReport", remove},
				"report digest":   {"predicate.hallmarkReport.digest.sha256", "00"},
				"tests not text":  {"predicate.passedTests", []any{1}},
				"test with break": {"predicate.failedTests", []any{"a\nb"}},
				"seed a number":   {"predicate.configuration.0.annotations.seed", 7},
				"too many tests":  {"predicate.passedTests", slices.Repeat([]any{"x"}, 1<<17)},
			},
		},
		"run plan": {
			build: func() ([]byte, error) { return statement.RunPlan(guarded, runPlan(guarded.Digest)) },
			parse: func(b []byte) ([]byte, error) {
				subject, plan, err := statement.ParseRunPlan(b)
				if err != nil {
					return nil, err
				}
				return statement.RunPlan(subject, plan)
			},
			bad: map[string]edit{
				"other schema":   {"predicate.schema", "https://example.com"},
				"other model":    {"predicate.model", digest("x").String()},
				"no suite":       {"predicate.suiteDigest", remove},
				"no commitment":  {"predicate.commitment", remove},
				"no seed":        {"predicate.seed", ""},
				"no engine":      {"predicate.engine", ""},
				"no profile":     {"predicate.profile", ""},
				"negative cases": {"predicate.cases", -1},
			},
		},
		"run trace": {
			build: func() ([]byte, error) { return statement.RunTrace(guarded, runRecord()) },
			parse: func(b []byte) ([]byte, error) {
				subject, r, err := statement.ParseRunTrace(b)
				if err != nil {
					return nil, err
				}
				return statement.RunTrace(subject, r)
			},
			bad: map[string]edit{
				"other monitor":   {"predicate.monitor.type", "https://example.com/tetragon"},
				"other process":   {"predicate.monitoredProcess.type", "https://example.com"},
				"other host":      {"predicate.monitoredProcess.hostID", "https://example.com"},
				"no report":       {"predicate.monitoredProcess.event", ""},
				"no plan":         {"predicate.monitor.tracePolicy.plan", remove},
				"well, no report": {"predicate.monitoredProcess.event", hallmark.Digest{}.String()},
				"two processes":   {"predicate.monitorLog.process", []any{map[string]any{}, map[string]any{}}},
				"unknown tier":    {"predicate.monitor.tracePolicy.tier", "open"},
				"no verdict":      {"predicate.monitorLog.process.0.verdict", ""},
				"negative peak":   {"predicate.monitorLog.process.0.peakRssBytes", -1},
				"more reused":     {"predicate.monitorLog.process.0.tokens.reused", 10},
				"negative tokens": {"predicate.monitorLog.process.0.tokens.written", -1},
				"times":           {"predicate.metadata.buildFinishedOn", "2026-11-25T01:02:03Z"},
				"bad time":        {"predicate.metadata.buildStartedOn", "yesterday"},
			},
		},
		"summary": {
			build:     func() ([]byte, error) { return statement.VSA(summaryClaim(hallmark.Block)) },
			parse:     rebuild(statement.ParseVSA, statement.VSA),
			predicate: new(vsa.VerificationSummary), unknown: true,
			bad: map[string]edit{
				"passed a block":       {"predicate.verificationResult", "PASSED"},
				"allow in the reasons": {"predicate.hallmarkVerdict.decision", "allow"},
				"level":                {"predicate.verifiedLevels", []any{"HALLMARK_ALLOW"}},
				"more levels":          {"predicate.verifiedLevels", []any{"FAILED", "SLSA_BUILD_LEVEL_3"}},
				"unknown decision":     {"predicate.hallmarkVerdict.decision", "maybe"},
				"other policy digest":  {"predicate.policy.digest.sha256", digest("x").Hex()},
				"other policy":         {"predicate.policy.uri", "https://github.com/hallmark-ml/hallmark/policy/default"},
				"no policy digest":     {"predicate.hallmarkVerdict.policyDigest", ""},
				"no verifier":          {"predicate.verifier.id", ""},
				"no time":              {"predicate.timeVerified", remove},
				"other resource":       {"predicate.resourceUri", "ipfs://bafyother"},
				"input no digest":      {"predicate.inputAttestations.0.digest", map[string]any{}},
				"many inputs":          {"predicate.inputAttestations", slices.Repeat([]any{map[string]any{"digest": map[string]any{"sha256": digest("x").Hex()}}}, 1025)},
			},
		},
		"reference": {
			build:     func() ([]byte, error) { return statement.Reference(referenceClaim()) },
			parse:     rebuild(statement.ParseReference, statement.Reference),
			predicate: new(referencepb.Reference),
			bad: map[string]edit{
				"no attester":      {"predicate.attester.id", ""},
				"no references":    {"predicate.references", []any{}},
				"many":             {"predicate.references", slices.Repeat([]any{map[string]any{}}, 1025)},
				"no digest":        {"predicate.references.0.digest", remove},
				"no media type":    {"predicate.references.0.mediaType", remove},
				"no name":          {"predicate.references.0.name", remove},
				"elsewhere":        {"predicate.references.0.downloadLocation", "https://example.com"},
				"nowhere":          {"predicate.references.0.downloadLocation", "ipfs://"},
				"digest of MD5":    {"predicate.references.0.digest", map[string]any{"md5": "00"}},
				"name with escape": {"predicate.references.0.name", "a\x1bb"},
			},
		},
	}
}

func rebuild[T any](parse func([]byte) (T, error), build func(T) ([]byte, error)) func([]byte) ([]byte, error) {
	return func(b []byte) ([]byte, error) {
		v, err := parse(b)
		if err != nil {
			return nil, err
		}
		return build(v)
	}
}

// apply returns the document with one value replaced or deleted.
func apply(tb testing.TB, doc []byte, e edit) []byte {
	tb.Helper()
	var root any
	require.NoError(tb, json.Unmarshal(doc, &root))
	keys := strings.Split(e.path, ".")
	at := root
	for _, key := range keys[:len(keys)-1] {
		switch v := at.(type) {
		case map[string]any:
			at = v[key]
		case []any:
			i, err := strconv.Atoi(key)
			require.NoError(tb, err)
			at = v[i]
		}
		require.NotNil(tb, at, e.path)
	}
	object, ok := at.(map[string]any)
	require.True(tb, ok, e.path)
	if last := keys[len(keys)-1]; e.value == remove {
		require.Contains(tb, object, last)
		delete(object, last)
	} else {
		object[last] = e.value
	}
	out, err := json.Marshal(root)
	require.NoError(tb, err)
	return out
}

func TestBuiltStatementsReadBack(t *testing.T) {
	t.Parallel()

	for name, k := range kinds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			b, err := k.build()
			require.NoError(t, err)
			again, err := k.parse(b)
			require.NoError(t, err)
			require.Equal(t, string(b), string(again))

			s, err := statement.Parse(b)
			require.NoError(t, err)
			require.Equal(t, statement.TypeV1, s.Type)
			node, err := hallmark.ParseDigest(slices.Collect(maps.Values(s.Subject[0].Digest))[0])
			require.NoError(t, err)
			require.True(t, s.Is(node))
			require.False(t, s.Is(digest("another")))

			v01, err := k.parse(apply(t, b, edit{"_type", "https://in-toto.io/Statement/v0.1"}))
			require.NoError(t, err)
			require.Equal(t, normalise(t, v01), normalise(t, b))
		})
	}
}

func normalise(t *testing.T, b []byte) string {
	t.Helper()
	return string(apply(t, b, edit{"_type", ""}))
}

// TestInTotoReadsOurStatements reads them with the types of in-toto's own module, which refuse unknown fields.
func TestInTotoReadsOurStatements(t *testing.T) {
	t.Parallel()

	for name, k := range kinds() {
		b, err := k.build()
		require.NoError(t, err)
		var st intoto.Statement
		require.NoError(t, protojson.Unmarshal(b, &st), name)
		require.NoError(t, st.Validate(), name)
		if k.predicate == nil {
			continue
		}
		raw, err := protojson.Marshal(st.GetPredicate())
		require.NoError(t, err)
		opt := protojson.UnmarshalOptions{DiscardUnknown: k.unknown}
		require.NoError(t, opt.Unmarshal(raw, k.predicate), name)
		if v, ok := k.predicate.(interface{ Validate() error }); ok {
			require.NoError(t, v.Validate(), name)
		}
	}
}

func TestBadPredicates(t *testing.T) {
	t.Parallel()

	for name, k := range kinds() {
		good, err := k.build()
		require.NoError(t, err)
		for what, e := range k.bad {
			_, err := k.parse(apply(t, good, e))
			require.Error(t, err, "%s: %s", name, what)
			require.True(t, isKind(err), "%s: %s: %v", name, what, err)
		}
		other := apply(t, good, edit{"predicateType", "https://example.com/other/v1"})
		_, err = k.parse(other)
		require.ErrorIs(t, err, hallmark.ErrPredicate, name)
		_, err = statement.Parse(other)
		require.NoError(t, err, "the type of the predicate is the typed parsers' business")
	}
}

func isKind(err error) bool {
	for _, k := range []error{hallmark.ErrInvalid, hallmark.ErrPredicate, hallmark.ErrTooLarge, hallmark.ErrLineage} {
		if errIs(err, k) {
			return true
		}
	}
	return false
}

// TestBadStatements tries what is wrong with any statement on every parser.
func TestBadStatements(t *testing.T) {
	t.Parallel()

	bad := map[string]edit{
		"no type":             {"_type", remove},
		"other type":          {"_type", "https://in-toto.io/Statement/v2"},
		"no subject":          {"subject", []any{}},
		"subject null":        {"subject", nil},
		"no digest":           {"subject.0.digest", remove},
		"empty digest set":    {"subject.0.digest", map[string]any{}},
		"short digest":        {"subject.0.digest.sha256", "00"},
		"zero digest":         {"subject.0.digest.sha256", strings.Repeat("0", 64)},
		"no predicate type":   {"predicateType", ""},
		"predicate a list":    {"predicate", []any{}},
		"predicate null":      {"predicate", nil},
		"subject key in case": {"Subject", []any{}},
		"predicate twin":      {"Predicate", map[string]any{}},
		"digest key in case":  {"subject.0.Digest", map[string]any{}},
		"long name":           {"subject.0.name", strings.Repeat("x", 4097)},
		"long uri":            {"subject.0.uri", strings.Repeat("x", 4097)},
		"many subjects":       {"subject", slices.Repeat([]any{map[string]any{"digest": map[string]any{"sha256": digest("a").Hex()}}}, 1025)},
	}
	many := make(map[string]any)
	for i := range 33 {
		many["alg"+strconv.Itoa(i)] = "00"
	}
	bad["many digests"] = edit{"subject.0.digest", many}
	for name, k := range kinds() {
		good, err := k.build()
		require.NoError(t, err)
		for what, e := range bad {
			doc := apply(t, good, e)
			_, err := k.parse(doc)
			require.True(t, isKind(err), "%s: %s: %v", name, what, err)
			_, err = statement.Parse(doc)
			require.Error(t, err, "%s: %s", name, what)
		}
		text := string(good)
		for what, doc := range map[string]string{
			"trailing data": text + "{}",
			"truncated":     text[:len(text)-1],
			"twice":         `{"_type":"https://in-toto.io/Statement/v1",` + text[1:],
			"not UTF-8":     strings.Replace(text, `"name":"`, "\"name\":\"\xff", 1),
			"empty":         "",
			"too long":      text + strings.Repeat(" ", statement.MaxSize),
		} {
			_, err := k.parse([]byte(doc))
			require.True(t, isKind(err), "%s: %s: %v", name, what, err)
		}
	}
	two, err := statement.Fingerprint(fileFingerprint())
	require.NoError(t, err)
	var s map[string]any
	require.NoError(t, json.Unmarshal(two, &s))
	subjects := s["subject"].([]any)
	_, err = statement.ParseFingerprint(apply(t, two, edit{"subject", append(subjects, subjects[0])}))
	require.ErrorIs(t, err, hallmark.ErrPredicate, "two subjects")
}

func TestUnknownFieldsAreIgnored(t *testing.T) {
	t.Parallel()

	for name, k := range kinds() {
		b, err := k.build()
		require.NoError(t, err)
		for _, path := range []string{"extra", "predicate.extra", "subject.0.extra"} {
			_, err := k.parse(apply(t, b, edit{path, map[string]any{"A": 1, "a": 2}}))
			require.NoError(t, err, "%s: %s", name, path)
		}
	}
}

func TestBuildersRefuse(t *testing.T) {
	t.Parallel()

	wrong := fileFingerprint()
	wrong.OMSRoot = digest("x")
	_, err := statement.Fingerprint(wrong)
	require.ErrorIs(t, err, hallmark.ErrPredicate)

	step := finetune()
	step.Inputs[0].Digest = hallmark.Digest{}
	_, err = statement.Provenance(step)
	require.ErrorIs(t, err, hallmark.ErrInvalid)
	step = finetune()
	step.Parameters = map[string]string{"größe": "1"}
	_, err = statement.Provenance(step)
	require.ErrorIs(t, err, hallmark.ErrInvalid)
	step = finetune()
	step.Inputs = slices.Repeat(step.Inputs, 257)
	_, err = statement.Provenance(step)
	require.ErrorIs(t, err, hallmark.ErrTooLarge)

	_, err = statement.TestResult(node("naive", hallmark.KindModel), report(), "bafy", hallmark.Allow)
	require.ErrorIs(t, err, hallmark.ErrPredicate)

	record := runRecord()
	record.Tier = ""
	_, err = statement.RunTrace(node("guarded", hallmark.KindModel), record)
	require.ErrorIs(t, err, hallmark.ErrInvalid)

	claim := summaryClaim(hallmark.Allow)
	claim.Verdict.PolicyHash = hallmark.Digest{}
	_, err = statement.VSA(claim)
	require.ErrorIs(t, err, hallmark.ErrInvalid)

	ref := referenceClaim()
	ref.Documents = nil
	_, err = statement.Reference(ref)
	require.ErrorIs(t, err, hallmark.ErrPredicate)
	ref = referenceClaim()
	ref.Subject.Name = "a\nb"
	_, err = statement.Reference(ref)
	require.ErrorIs(t, err, hallmark.ErrInvalid)
}

func TestResultFollowsDecision(t *testing.T) {
	t.Parallel()

	for decision, want := range map[hallmark.Decision]string{
		hallmark.Allow: "PASSED", hallmark.Challenge: "WARNED", hallmark.Block: "FAILED", hallmark.Undecided: "FAILED", "": "FAILED",
	} {
		b, err := statement.TestResult(node("guarded", hallmark.KindModel), report(), "bafyreport", decision)
		require.NoError(t, err)
		claim, err := statement.ParseTestResult(b)
		require.NoError(t, err)
		require.Equal(t, want, claim.Result, decision)
	}
	for _, decision := range []hallmark.Decision{hallmark.Allow, hallmark.Challenge, hallmark.Block, hallmark.Undecided} {
		b, err := statement.VSA(summaryClaim(decision))
		require.NoError(t, err)
		want := `"verificationResult":"FAILED"`
		if decision == hallmark.Allow {
			want = `"verificationResult":"PASSED"`
		}
		require.Contains(t, string(b), want)
		claim, err := statement.ParseVSA(b)
		require.NoError(t, err)
		require.Equal(t, summaryClaim(decision), claim)
	}
}

func TestAllowMustBePassed(t *testing.T) {
	t.Parallel()

	b, err := statement.VSA(summaryClaim(hallmark.Allow))
	require.NoError(t, err)
	for _, e := range []edit{{"predicate.verificationResult", "FAILED"}, {"predicate.verifiedLevels", []any{"FAILED"}}} {
		_, err := statement.ParseVSA(apply(t, b, e))
		require.ErrorIs(t, err, hallmark.ErrPredicate, e.path)
	}
}

func TestTestResultNames(t *testing.T) {
	t.Parallel()

	r := report()
	b, err := statement.TestResult(node("guarded", hallmark.KindModel), r, "bafyreport", hallmark.Block)
	require.NoError(t, err)
	claim, err := statement.ParseTestResult(b)
	require.NoError(t, err)
	raw, err := hallmark.CanonicalJSON(r)
	require.NoError(t, err)
	require.Equal(t, statement.TestResultClaim{
		Subject: node("guarded", hallmark.KindModel), Result: "FAILED", Report: hallmark.DigestOf(raw), ReportCID: "bafyreport",
		Suite: "tinychat", SuiteDigest: digest("suite"), Engine: "1", Seed: "18446744073709551615", Profile: "chat",
		Passed: []string{"c1"}, Warned: []string{"out.render"}, Failed: []string{"c2", "c3", "c4", "file.unsafe:pickle"},
	}, claim)
}

func TestStepAndRecordReadBackWhole(t *testing.T) {
	t.Parallel()

	b, err := statement.Provenance(finetune())
	require.NoError(t, err)
	step, err := statement.ParseProvenance(b)
	require.NoError(t, err)
	require.Equal(t, finetune(), step)

	for _, want := range []hallmark.RunRecord{runRecord(), programRecord(), containerRecord()} {
		b, err = statement.RunTrace(node("guarded", hallmark.KindModel), want)
		require.NoError(t, err)
		_, record, err := statement.ParseRunTrace(b)
		require.NoError(t, err)
		require.Equal(t, want, record)
	}

	b, err = statement.Reference(referenceClaim())
	require.NoError(t, err)
	ref, err := statement.ParseReference(b)
	require.NoError(t, err)
	require.Equal(t, referenceClaim(), ref)
}
