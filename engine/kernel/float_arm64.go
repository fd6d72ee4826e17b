//go:build !purego

package kernel

import "unsafe"

var floatsNEON = floatFuncs{
	tile: func(t *floatTile) {
		switch t.vectors {
		case 1:
			if t.first && t.last && t.step == 4*lanes { // whole rows
				dotF32NEON(t.dst, (*byte)(unsafe.Pointer(t.w)), t.rowStride, tileRows*t.fours, t.x, t.steps) //nolint:gosec // the same memory
				return
			}
			tile1NEON(t)
		case 2:
			tile2NEON(t)
		case 3:
			tile3NEON(t)
		case 4:
			tile4NEON(t)
		case 5:
			tile5NEON(t)
		default:
			tile6NEON(t)
		}
	},
	mix: func(m *mix) {
		switch m.outputs {
		case 1:
			addRowsNEON(m.out, m.w, m.stride, m.rows, m.p, m.parts)
		case 2:
			mix2NEON(m)
		case 3:
			mix3NEON(m)
		case 4:
			mix4NEON(m)
		case 5:
			mix5NEON(m)
		default:
			mix6NEON(m)
		}
	},
	dotRows: func(dst, w *float32, stride, rows int, x *float32, steps int) {
		dotF32NEON(dst, (*byte)(unsafe.Pointer(w)), stride, rows, x, steps) //nolint:gosec // the same memory
	},
	addRows: addRowsNEON,
	order: func(dst, src *float32, steps, stride, ahead int) {
		spreadF32NEON(dst, (*byte)(unsafe.Pointer(src)), steps, stride, ahead) //nolint:gosec // the same memory
	},
	f32:         storedFuncs{dotF32NEON, spreadF32NEON, nil},
	f16:         storedFuncs{dotF16NEON, spreadF16NEON, nil},
	bf16:        storedFuncs{dotBF16NEON, spreadBF16NEON, nil},
	vectorFuncs: vectorsNEON,
}

// stride bytes a row; rows and steps of 16 columns are positive. The same for the other types.
//
//go:noescape
func dotF32NEON(dst *float32, w *byte, stride, rows int, x *float32, steps int)

//go:noescape
func dotF16NEON(dst *float32, w *byte, stride, rows int, x *float32, steps int)

//go:noescape
func dotBF16NEON(dst *float32, w *byte, stride, rows int, x *float32, steps int)

// stride is the distance in bytes of a step's 16 floats from the next one's, ahead that of weights wanted soon; steps is
// positive. The same for the other types.
//
//go:noescape
func spreadF32NEON(dst *float32, src *byte, steps, stride, ahead int)

//go:noescape
func spreadF16NEON(dst *float32, src *byte, steps, stride, ahead int)

//go:noescape
func spreadBF16NEON(dst *float32, src *byte, steps, stride, ahead int)

//go:noescape
func tile1NEON(t *floatTile)

//go:noescape
func tile2NEON(t *floatTile)

//go:noescape
func tile3NEON(t *floatTile)

//go:noescape
func tile4NEON(t *floatTile)

//go:noescape
func tile5NEON(t *floatTile)

//go:noescape
func tile6NEON(t *floatTile)

//go:noescape
func mix2NEON(m *mix)

//go:noescape
func mix3NEON(m *mix)

//go:noescape
func mix4NEON(m *mix)

//go:noescape
func mix5NEON(m *mix)

//go:noescape
func mix6NEON(m *mix)

//go:noescape
func addRowsNEON(out, w *float32, stride, rows int, p *float32, parts int)
