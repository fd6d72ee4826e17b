package kernel

// Frequencies returns the angles a position, base^(-2i/dims), of the pairs of the first dims elements of a head; dims is even.
func Frequencies(dims int, base float32) []float64 { return NewRotation(dims, base).freq }

// RotationOf returns the rotation of pairs by the given angles a position, of 0 to 1.
func RotationOf(freq []float64) Rotation { return Rotation{freq: freq} }
