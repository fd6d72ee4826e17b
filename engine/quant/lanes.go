package quant

// lanes is how many groups of elements a search works on at once: one each in a lane of a vector register. No number crosses from
// a lane to another, so that the sums of a group run in the order of its elements.
const lanes = 8

// column is one number for each lane.
type column = [lanes]float32

// frame is what the searches share with their twins in assembly. Lanes that are not in use hold any numbers.
type frame struct {
	x, w [32]column // elements and their weights
	wx   [16]column // w x
	q    [32]column // integers
	peak column     // the element of the largest magnitude

	n, top, bottom int32 // elements of a group; the largest and the smallest integer
	tries          int32 // how many numbers of table are in use
	absolute       int32 // 1 if an error is the magnitude of a difference, 0 if it is its square
	table          [24]float32

	inv, scale  column    // the best scale and the inverse that made its integers
	sums        [2]column //nolint:unused // the best error or quality so far, in assembly
	low, from   column    // the best minimum and the one that its integers were made with
	high, least column    // bounds of the elements, the lower one at most 0
}

// load puts the groups of n elements in row, at most 8, into the lanes, with weights x^2. The peak is the first of equals.
func (f *frame) load(row []float32, n int) {
	f.n = int32(n)
	for lane := range min(lanes, len(row)/n) {
		peak, most := float32(0), float32(0)
		for i, v := range row[n*lane:][:n] {
			w := float32(v * v)
			f.x[i&31][lane] = v
			f.w[i&31][lane] = w
			f.wx[i&15][lane] = float32(w * v)
			if a := abs(v); a > most {
				peak, most = v, a
			}
		}
		f.peak[lane] = peak
	}
}

// loadPlain is load without weights and peaks.
func (f *frame) loadPlain(row []float32, n int) {
	f.n = int32(n)
	for lane := range min(lanes, len(row)/n) {
		for i, v := range row[n*lane:][:n] {
			f.x[i&31][lane] = v
		}
	}
}

// group returns the elements and weights of a lane.
func (f *frame) group(lane int, x, w *[32]float32) {
	for i := range f.n {
		x[i&31], w[i&31] = f.x[i&31][lane], f.w[i&31][lane]
	}
}
