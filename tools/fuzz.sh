#!/usr/bin/env bash
# Fuzzes every target for FUZZTIME each (default 10m). A crasher stays below the package's testdata/fuzz.
set -euo pipefail
cd "$(dirname "$0")/.."

for dir in $(git ls-files '*_test.go' | xargs grep -l '^func Fuzz' | xargs -n1 dirname | sort -u); do
  for target in $(grep -ho '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | cut -d' ' -f2); do
    echo "fuzz $dir $target"
    go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-10m}" "./$dir"
  done
done
