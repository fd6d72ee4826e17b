package al_test

import (
	"fmt"
	"hash/fnv"
	"math"
	"reflect"
	"testing"
	"time"

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

func TestFeaturesAllocateNothing(t *testing.T) {
	items, v := some(64), make(al.Vector, 64) // not parallel: it counts the process's allocations
	require.Zero(t, testing.AllocsPerRun(100, func() { extract(v, items[0]) }))
}

// BenchmarkAgainstTwin runs both in turns, so that what else the machine does meets both, and reports how many times as
// long the twin takes.
func BenchmarkAgainstTwin(b *testing.B) {
	items, v := some(64), make(al.Vector, 64)
	var ours, twin time.Duration
	for b.Loop() {
		begin := time.Now()
		for _, item := range items {
			extract(v, item)
		}
		between := time.Now()
		for _, item := range items {
			byReflection(v, item)
		}
		ours, twin = ours+between.Sub(begin), twin+time.Since(between)
	}
	b.ReportMetric(float64(twin)/float64(ours), "x-twin")
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
