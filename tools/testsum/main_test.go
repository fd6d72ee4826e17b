package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const passed = `{"Action":"pass","Package":"p","Test":"TestA","Elapsed":0.1}
{"Action":"pass","Package":"p","Elapsed":0.2}
`

func TestRun(t *testing.T) {
	t.Parallel()

	list := filepath.Join(t.TempDir(), "skips")
	if err := os.WriteFile(list, []byte("# reason\np TestListed # why\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	skip := func(name, why string) string {
		return `{"Action":"output","Package":"p","Test":"` + name + `","Output":"` + why + `"}` + "\n" + `{"Action":"skip","Package":"p","Test":"` + name + `"}` + "\n"
	}
	tests := map[string]struct {
		in       string
		haveData bool
		want     string // in the error; empty for none
	}{
		"all pass":                 {in: passed},
		"a failure":                {in: passed + `{"Action":"fail","Package":"p","Test":"TestB"}` + "\n", want: "1 failed: p TestB"},
		"a package does not build": {in: passed + `{"Action":"fail","Package":"q"}` + "\n", want: "1 failed: q"},
		"a listed skip":            {in: passed + skip("TestListed", "x"), haveData: true},
		"another skip":             {in: passed + skip("TestOther", "x"), want: "1 skips"},
		"data is not there":        {in: passed + skip("TestOther", "HALLMARK_TESTDATA is not set")},
		"data is there":            {in: passed + skip("TestOther", "HALLMARK_TESTDATA is not set"), haveData: true, want: "1 skips"},
		"nothing ran":              {in: "", want: "no test ran"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			var out strings.Builder
			err := run(strings.NewReader(tt.in), &out, list, tt.haveData)
			if tt.want == "" && err != nil {
				t.Fatalf("got %v\n%s", err, out.String())
			}
			if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Fatalf("got %v, want %q\n%s", err, tt.want, out.String())
			}
		})
	}
}
