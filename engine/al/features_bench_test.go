package al_test

import (
	"fmt"
	"hash/fnv"
	"math"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/al"
)

// byReflection is the twin of tickets: fields by reflection, features in a map by name, hashed at the end.
func byReflection(v al.Vector, t ticket) {
	features := map[string]float64{}
	value := reflect.ValueOf(t)
	for i := range value.NumField() {
		name, field := value.Type().Field(i).Name, value.Field(i)
		switch field.Kind() {
		case reflect.Float64:
			features[name] += field.Float()
		case reflect.String:
			if name != "Text" {
				features[name+"="+field.String()]++
				continue
			}
			text := field.String()
			for j := 0; j+3 <= len(text); j++ {
				features["gram="+text[j:j+3]] += 1 / math.Sqrt(float64(len(text)-2))
			}
		default:
		}
	}
	features[fmt.Sprintf("pair=%v,%v", value.Field(0), value.Field(1))]++
	for name, x := range features {
		h := fnv.New64a()
		_, _ = h.Write([]byte(name))
		v[h.Sum64()%uint64(len(v))] += x
	}
}

func extract(v al.Vector, t ticket) { tickets{}.Extract(v, t) }

// TestFeaturesAreFast measures both in turns; the ratio holds however busy the machine is.
func TestFeaturesAreFast(t *testing.T) {
	items, v := some(64), make(al.Vector, 64) // not parallel: it measures
	require.Zero(t, testing.AllocsPerRun(100, func() { extract(v, items[0]) }))
	each := func(f func(al.Vector, ticket)) float64 {
		r := testing.Benchmark(func(b *testing.B) { //nolint:thelper // what is measured, no helper
			for i := 0; b.Loop(); i++ {
				f(v, items[i%len(items)])
			}
		})
		return float64(r.NsPerOp())
	}
	best := 0.0
	for range 3 {
		ours, twin := each(extract), each(byReflection)
		best = max(best, twin/ours)
		t.Logf("%.0f ns against %.0f ns: %.1f times", ours, twin, twin/ours)
		if best >= 3.2 {
			break
		}
	}
	require.GreaterOrEqual(t, best, 3.2)
}

func BenchmarkExtract(b *testing.B) {
	items, v := some(64), make(al.Vector, 64)
	for name, f := range map[string]func(al.Vector, ticket){"hashed": extract, "reflection": byReflection} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				f(v, items[i%len(items)])
			}
		})
	}
}
