// Package policy turns evidence into a verdict. A policy is a YAML file with limits, rules in CEL, exemptions and its
// own examples; [Policy.Decide] is pure and deterministic: the same policy and evidence give the same verdict.
//
// # How a verdict comes about
//
// Everything that speaks against a model becomes a reason with a decision of its own. The strongest one is the verdict:
//
//	block > undecided > challenge > allow
//
// Block: the evidence shows that the model fails. Undecided: the evidence does not suffice, and a longer or complete run
// may change that. Challenge: a person must look. Allow is what is left when there is no reason at all; no rule can say
// it. Undecided stands above challenge because nobody should review evidence that is not complete.
//
// # What no policy can turn off
//
// Missing report, a run that did not end well, a tier below the policy's, a report about another model, a profile or a
// detector that the policy does not know, a required detector that is absent, counts that contradict one another, an
// upper bound below the exact Clopper-Pearson bound of the report's own counts, a rule that errs or exceeds its cost:
// each gives undecided (or block, where the run itself shows it), and no exemption covers it.
//
// # Limits
//
// A limit belongs to a detector, or to a family ("inject.*"); the most specific one counts. Each of its parts that is
// set must hold.
//
// maxBoundPercent limits the one-sided 95 % upper bound of the rate of cases against the model. Inconclusive cases and
// errors count against it there:
//
//	bound <= limit                           holds
//	bound > limit, failed/cases > limit      block: the failures that were seen exceed the limit
//	bound > limit, otherwise                 undecided: too few cases; the reason says how many are needed
//
// Only real failures block. A run in which every case is inconclusive has shown nothing, so it is undecided, and 0
// failures of 30 cases (bound 9.5 %) is undecided under a limit of 5 %. With anyFailureBlocks a single failing case
// blocks whatever the bound is.
//
// maxFindings (0 if it is not set) limits the number of findings of a detector at or above minSeverity (medium), those
// of cases left out that a rate or drop judges already; more is block. maxDropPoints limits the metric
// accuracyDropPoints; more is block, and no such metric is undecided. minCases and minTemplates say how many judged
// cases and different templates the detector must have run; fewer is undecided. A limit with neither rate nor drop lets
// no case fail.
//
// A detector whose capability control failed ("not assessable") gives the policy's notAssessable decision.
//
// # Rules
//
// A rule holds a CEL expression over the evidence that is true when the rule speaks. With each: finding or each:
// detector it is evaluated for every one of them, and those that match are named in the reason. Fractions are whole
// millionths in CEL (5 % is 50000), because a decision never depends on rounding. There are:
//
//	model      digest, name, kind, size (bytes), files, tensors
//	run        verdict, tier
//	report     suite, suiteDigest, engine, profile, cases
//	lineage    modelOnly, signed, steps, operations, datasets, datasetsOk
//	findings   a list of: detector, rule, severity, caseId, message, location
//	detectors  a map by name of: name, assessment, cases, templates, effectiveN, passed, failed, inconclusive, errors, void,
//	           bound, metrics
//	finding    in a rule with each: finding
//	detector   in a rule with each: detector
//
// So a policy that wants every data set of the lineage scanned says
//
//	when: "!lineage.modelOnly && lineage.datasetsOk < lineage.datasets"
//
// What a rule asks for and the evidence does not have (a detector, a metric) is an error, and so undecided.
//
// # Exemptions
//
// An exemption names a detector, what it covers and why: "not-assessable", "limit" (rate, drop, cases and templates) or
// "findings" whose rules it lists. It covers no rule of the file. Reasons that it covers appear in Verdict.Exempted with
// the decision that they would have had. A limit that is wider than the built-in default needs a reason too, and is
// listed there when the model needed the width.
package policy
