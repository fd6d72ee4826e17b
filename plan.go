package hallmark

// RunPlanSchema is the value of RunPlan.Schema.
const RunPlanSchema = "https://github.com/hallmark-ml/hallmark/run-plan/v1"

// A RunPlan is what a run commits itself to before the model is asked anything. It is signed and logged first, and the
// report names its digest, so that nobody can choose the run that pleases among several and say nothing of the others.
type RunPlan struct {
	Schema    string `json:"schema"`
	Model     Digest `json:"model"`
	Suite     string `json:"suite"`
	SuiteHash Digest `json:"suiteDigest"`
	Engine    string `json:"engine"`
	Seed      string `json:"seed"` // decimal uint64
	Profile   string `json:"profile"`
	Tier      string `json:"tier"` // how much is run: full or quick
	Cases     int    `json:"cases"`
	// Commitment is the SHA-256 of the cases in their order: id, template, and the requests of both arms.
	Commitment Digest `json:"commitment"`
	// Budget is how many tokens the cases may cost, of which some are then chosen by the seed and by what WarmStart, the
	// digest of the version before's outcomes, says. Left out where all cases are run.
	Budget    int    `json:"budget,omitempty"`
	WarmStart Digest `json:"warmStart,omitzero"`
}

// Digest returns the SHA-256 of the plan's canonical JSON.
func (p RunPlan) Digest() (Digest, error) {
	text, err := CanonicalJSON(p)
	if err != nil {
		return Digest{}, err
	}
	return DigestOf(text), nil
}

// A Run is one run of a suite on a version: announced, and perhaps ended. A run that ended without a report is evidence
// like any other; it stays with the version when that is submitted again.
type Run struct {
	Plan Digest `json:"plan"`
	Seed string `json:"seed"`
	// Previous is the run that this one is compared with, nil if there is none.
	Previous *PreviousRun `json:"previous,omitempty"`
	// Announced is the signed plan. It stands in the log before the run begins.
	Announced Bundle `json:"announced"`
	// Outcome of a run that ended without a report, and why; empty of one that has a report or goes on.
	Outcome RunVerdict `json:"outcome,omitempty"`
	Detail  string     `json:"detail,omitempty"`
	// Ended is the signed run record of such a run.
	Ended *Bundle `json:"ended,omitempty"`
}

// A PreviousRun is the report of the version before in its line.
type PreviousRun struct {
	Model     Digest `json:"model"`
	Report    Digest `json:"report"`
	ReportCID string `json:"reportCid"`
}
