//go:build !purego

package kernel

var floatsAVX2 = floatFuncs{
	tile:        tileAVX2,
	mix:         mixAVX2,
	dotRows:     dotRowsAVX2,
	addRows:     addRowsAVX2,
	order:       orderAVX2,
	f32:         storedFuncs{dotF32AVX2, spreadF32AVX2, nil},
	f16:         storedFuncs{dotF16AVX2, spreadF16AVX2, nil},
	bf16:        storedFuncs{dotBF16AVX2, spreadBF16AVX2, nil},
	vectorFuncs: vectorsAVX2,
}

func tileAVX2(t *floatTile) {
	for t.from = 0; t.from < t.vectors; t.from += 3 {
		switch t.vectors - t.from {
		case 1:
			tile1AVX2(t)
		case 2:
			tile2AVX2(t)
		default:
			tile3AVX2(t)
		}
	}
}

func mixAVX2(m *mix) {
	for m.from = 0; m.from < m.outputs; m.from += 3 {
		switch m.outputs - m.from {
		case 1:
			mix1AVX2(m)
		case 2:
			mix2AVX2(m)
		default:
			mix3AVX2(m)
		}
	}
}

//go:noescape
func dotRowsAVX2(dst, w *float32, stride, rows int, x *float32, steps int)

//go:noescape
func dotF32AVX2(dst *float32, w *byte, stride, rows int, x *float32, steps int)

//go:noescape
func dotF16AVX2(dst *float32, w *byte, stride, rows int, x *float32, steps int)

//go:noescape
func dotBF16AVX2(dst *float32, w *byte, stride, rows int, x *float32, steps int)

//go:noescape
func orderAVX2(dst, src *float32, steps, stride, ahead int)

//go:noescape
func spreadF32AVX2(dst *float32, src *byte, steps, stride, ahead int)

//go:noescape
func spreadF16AVX2(dst *float32, src *byte, steps, stride, ahead int)

//go:noescape
func spreadBF16AVX2(dst *float32, src *byte, steps, stride, ahead int)

//go:noescape
func tile1AVX2(t *floatTile)

//go:noescape
func tile2AVX2(t *floatTile)

//go:noescape
func tile3AVX2(t *floatTile)

//go:noescape
func mix1AVX2(m *mix)

//go:noescape
func mix2AVX2(m *mix)

//go:noescape
func mix3AVX2(m *mix)

//go:noescape
func addRowsAVX2(out, w *float32, stride, rows int, p *float32, parts int)
