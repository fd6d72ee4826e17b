//go:build !purego

package kernel

var floatsAVX512 = floatFuncs{
	tile: func(t *floatTile) {
		switch t.vectors {
		case 1:
			tile1AVX512(t)
		case 2:
			tile2AVX512(t)
		case 3:
			tile3AVX512(t)
		case 4:
			tile4AVX512(t)
		case 5:
			tile5AVX512(t)
		default:
			tile6AVX512(t)
		}
	},
	mix: func(m *mix) {
		switch m.outputs {
		case 1:
			mix1AVX512(m)
		case 2:
			mix2AVX512(m)
		case 3:
			mix3AVX512(m)
		case 4:
			mix4AVX512(m)
		case 5:
			mix5AVX512(m)
		default:
			mix6AVX512(m)
		}
	},
	dotRows:     dotRowsAVX512,
	addRows:     addRowsAVX512,
	order:       orderAVX512,
	f32:         storedFuncs{dotF32AVX512, spreadF32AVX512, directF32AVX512},
	f16:         storedFuncs{dotF16AVX512, spreadF16AVX512, directF16AVX512},
	bf16:        storedFuncs{dotBF16AVX512, spreadBF16AVX512, directBF16AVX512},
	vectorFuncs: vectorsAVX512,
}

// stride bytes a row; rows and steps of 16 columns are positive.
//
//go:noescape
func dotRowsAVX512(dst, w *float32, stride, rows int, x *float32, steps int)

//go:noescape
func tile1AVX512(t *floatTile)

//go:noescape
func tile2AVX512(t *floatTile)

//go:noescape
func tile3AVX512(t *floatTile)

//go:noescape
func tile4AVX512(t *floatTile)

//go:noescape
func tile5AVX512(t *floatTile)

//go:noescape
func tile6AVX512(t *floatTile)

// As dotRowsAVX512, of stored weights.
//
//go:noescape
func dotF32AVX512(dst *float32, w *byte, stride, rows int, x *float32, steps int)

//go:noescape
func dotF16AVX512(dst *float32, w *byte, stride, rows int, x *float32, steps int)

//go:noescape
func dotBF16AVX512(dst *float32, w *byte, stride, rows int, x *float32, steps int)

// stride is the distance in bytes of a step's 16 floats from the next one's, ahead that of weights wanted soon; steps is
// positive. The same for the other types.
//
//go:noescape
func spreadF32AVX512(dst *float32, src *byte, steps, stride, ahead int)

//go:noescape
func spreadF16AVX512(dst *float32, src *byte, steps, stride, ahead int)

//go:noescape
func spreadBF16AVX512(dst *float32, src *byte, steps, stride, ahead int)

//go:noescape
func mix1AVX512(m *mix)

//go:noescape
func mix2AVX512(m *mix)

//go:noescape
func mix3AVX512(m *mix)

//go:noescape
func mix4AVX512(m *mix)

//go:noescape
func mix5AVX512(m *mix)

//go:noescape
func mix6AVX512(m *mix)

//go:noescape
func orderAVX512(dst, src *float32, steps, stride, ahead int)

//go:noescape
func addRowsAVX512(out, w *float32, stride, rows int, p *float32, parts int)

func directF32AVX512(t *floatTile) {
	switch t.vectors {
	case 2:
		direct2F32AVX512(t)
	case 3:
		direct3F32AVX512(t)
	case 4:
		direct4F32AVX512(t)
	case 5:
		direct5F32AVX512(t)
	default:
		direct6F32AVX512(t)
	}
}

//go:noescape
func direct2F32AVX512(t *floatTile)

//go:noescape
func direct3F32AVX512(t *floatTile)

//go:noescape
func direct4F32AVX512(t *floatTile)

//go:noescape
func direct5F32AVX512(t *floatTile)

//go:noescape
func direct6F32AVX512(t *floatTile)

func directF16AVX512(t *floatTile) {
	switch t.vectors {
	case 2:
		direct2F16AVX512(t)
	case 3:
		direct3F16AVX512(t)
	case 4:
		direct4F16AVX512(t)
	case 5:
		direct5F16AVX512(t)
	default:
		direct6F16AVX512(t)
	}
}

//go:noescape
func direct2F16AVX512(t *floatTile)

//go:noescape
func direct3F16AVX512(t *floatTile)

//go:noescape
func direct4F16AVX512(t *floatTile)

//go:noescape
func direct5F16AVX512(t *floatTile)

//go:noescape
func direct6F16AVX512(t *floatTile)

func directBF16AVX512(t *floatTile) {
	switch t.vectors {
	case 2:
		direct2BF16AVX512(t)
	case 3:
		direct3BF16AVX512(t)
	case 4:
		direct4BF16AVX512(t)
	case 5:
		direct5BF16AVX512(t)
	default:
		direct6BF16AVX512(t)
	}
}

//go:noescape
func direct2BF16AVX512(t *floatTile)

//go:noescape
func direct3BF16AVX512(t *floatTile)

//go:noescape
func direct4BF16AVX512(t *floatTile)

//go:noescape
func direct5BF16AVX512(t *floatTile)

//go:noescape
func direct6BF16AVX512(t *floatTile)
