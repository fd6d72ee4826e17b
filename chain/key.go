package chain

import "github.com/hallmark-ml/hallmark"

// VersionKey is the key of the intent that registers a version, as [Anchorer.Register] returns it.
func VersionKey(model hallmark.Digest) string { return kindVersion + ":" + model.Hex() }

// BatchKey is the key of the intent that anchors a checkpoint, as [Anchorer.Batch] returns it.
func BatchKey(root hallmark.Digest) string { return kindBatch + ":" + root.Hex() }
