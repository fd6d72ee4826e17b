package pipeline

import "github.com/hallmark-ml/hallmark"

// anchorRank orders the anchor states by how final they are; an orphaned record has no rank.
func anchorRank(s hallmark.AnchorState) (int, bool) {
	switch s {
	case hallmark.AnchorPending:
		return 0, true
	case hallmark.AnchorIncluded:
		return 1, true
	case hallmark.AnchorSafe:
		return 2, true
	case hallmark.AnchorFinal:
		return 3, true
	default:
		return 0, false
	}
}
