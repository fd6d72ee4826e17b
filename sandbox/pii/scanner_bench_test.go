package pii

import (
	"os"
	"testing"
)

// corpusEnv names a file to measure with.
const corpusEnv = "HALLMARK_PII_CORPUS"

func BenchmarkCorpus(b *testing.B) {
	raw, err := os.ReadFile(os.Getenv(corpusEnv))
	if err != nil {
		b.Skip(err)
	}
	text := string(raw[:min(len(raw), 8<<20)])
	s := NewScanner(Config{Least: Medium})
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		s.Scan(text)
	}
}
