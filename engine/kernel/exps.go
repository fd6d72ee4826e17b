package kernel

// Exps replaces every element of x by its [Exp], several at once where the machine can.
func Exps(x []float32) { exps(x) }
