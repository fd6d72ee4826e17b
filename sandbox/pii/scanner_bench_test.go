package pii

import (
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
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
	b.ReportAllocs()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := threadTime(b)
	for b.Loop() {
		s.Scan(text)
	}
	b.ReportMetric(float64(len(text))*float64(b.N)/1e6/(threadTime(b)-before).Seconds(), "MB/cpu-s")
}

func threadTime(b *testing.B) time.Duration {
	b.Helper()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now); err != nil {
		b.Fatal(err)
	}
	return time.Duration(now.Nano())
}
