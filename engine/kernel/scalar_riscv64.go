//go:build !purego

package kernel

import "unsafe"

// floatsRV64G are for machines without vectors, which have a fused multiply-add of single floats at least, and registers for
// 16 lanes.
var floatsRV64G = floatFuncs{
	tile:    tileRV64G,
	dotRows: dotRowsRV64G,
	addRows: addRowsRV64G,
	order:   orderRV64G,
	f32:     storedFuncs{dotF32RV64G, spreadF32RV64G, nil},
	f16:     storedFuncs{dotF16RV64G, spreadF16RV64G, nil},
	bf16:    storedFuncs{dotBF16RV64G, spreadBF16RV64G, nil},
}

// tileRV64G does a row and a vector at a time.
func tileRV64G(t *floatTile) {
	var zero [lanes]float32
	for four := range t.fours {
		for row := range tileRows * t.vectors {
			v, r := row/tileRows, row%tileRows
			acc := &zero
			if !t.first || !t.last {
				acc = (*[lanes]float32)(unsafe.Add(unsafe.Pointer(t.acc), four*t.accStride+4*lanes*row)) //nolint:gosec // within acc
			}
			if t.first {
				clear(acc[:])
			}
			w := unsafe.Add(unsafe.Pointer(t.w), four*t.fourStride+r*t.rowStride) //nolint:gosec // within w
			x := unsafe.Add(unsafe.Pointer(t.x), 4*lanes*v)                       //nolint:gosec // within x
			lanesRV64G(&acc[0], (*float32)(w), t.step, (*float32)(x), t.vectorStep, t.steps)
			if t.last {
				sum := *acc
				dst := unsafe.Add(unsafe.Pointer(t.dst), v*t.dstStride+4*(tileRows*four+r)) //nolint:gosec // within dst
				*(*float32)(dst) = fold32(&sum)
			}
		}
	}
}

// lanesRV64G adds to 16 lanes the products of steps of w and x, which are wStep and xStep bytes apart.
//
//go:noescape
func lanesRV64G(acc, w *float32, wStep int, x *float32, xStep, steps int)

//go:noescape
func dotRowsRV64G(dst, w *float32, stride, rows int, x *float32, steps int)

//go:noescape
func dotF32RV64G(dst *float32, w *byte, stride, rows int, x *float32, steps int)

//go:noescape
func dotF16RV64G(dst *float32, w *byte, stride, rows int, x *float32, steps int)

//go:noescape
func dotBF16RV64G(dst *float32, w *byte, stride, rows int, x *float32, steps int)

//go:noescape
func orderRV64G(dst, src *float32, steps, stride, ahead int)

//go:noescape
func spreadF32RV64G(dst *float32, src *byte, steps, stride, ahead int)

//go:noescape
func spreadF16RV64G(dst *float32, src *byte, steps, stride, ahead int)

//go:noescape
func spreadBF16RV64G(dst *float32, src *byte, steps, stride, ahead int)

//go:noescape
func addRowsRV64G(out, w *float32, stride, rows int, p *float32, parts int)
