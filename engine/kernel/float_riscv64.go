//go:build !purego

package kernel

import "unsafe"

var floatsRVV = floatFuncs{
	tile:        tileRVV,
	mix:         mixRVV,
	dotRows:     dotRowsRVV,
	addRows:     addRowsRVV,
	order:       orderRVV,
	f32:         storedFuncs{dotF32RVV, spreadF32RVV, nil},
	f16:         storedFuncs{dotF16RVV, spreadF16RVV, nil},
	bf16:        storedFuncs{dotBF16RVV, spreadBF16RVV, nil},
	vectorFuncs: vectorsRVV,
}

// mixRVV reads rows once for three outputs, where there are three more.
func mixRVV(m *mix) {
	for m.from = 0; m.from < m.outputs; {
		if m.outputs-m.from >= 3 {
			mix3RVV(m)
			m.from += 3
			continue
		}
		out := unsafe.Add(unsafe.Pointer(m.out), m.from*m.outStride) //nolint:gosec // within the outputs
		p := unsafe.Add(unsafe.Pointer(m.p), m.from*m.pStride)       //nolint:gosec // within the factors
		addRowsRVV((*float32)(out), m.w, m.stride, m.rows, (*float32)(p), m.parts)
		m.from++
	}
}

//go:noescape
func tileRVV(t *floatTile)

//go:noescape
func mix3RVV(m *mix)

//go:noescape
func dotRowsRVV(dst, w *float32, stride, rows int, x *float32, steps int)

//go:noescape
func dotF32RVV(dst *float32, w *byte, stride, rows int, x *float32, steps int)

//go:noescape
func dotF16RVV(dst *float32, w *byte, stride, rows int, x *float32, steps int)

//go:noescape
func dotBF16RVV(dst *float32, w *byte, stride, rows int, x *float32, steps int)

//go:noescape
func orderRVV(dst, src *float32, steps, stride, ahead int)

//go:noescape
func spreadF32RVV(dst *float32, src *byte, steps, stride, ahead int)

//go:noescape
func spreadF16RVV(dst *float32, src *byte, steps, stride, ahead int)

//go:noescape
func spreadBF16RVV(dst *float32, src *byte, steps, stride, ahead int)

//go:noescape
func addRowsRVV(out, w *float32, stride, rows int, p *float32, parts int)
