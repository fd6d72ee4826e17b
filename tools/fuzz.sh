#!/usr/bin/env bash
# Fuzzes every target of the module for FUZZTIME each (default 10m), FUZZONLY (a pattern of "package target") or all, and prints
# the rows of docs/verification.md's table. A crasher stays below the package's testdata/fuzz.
set -euo pipefail
cd "$(dirname "$0")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT
rows=()
for dir in $(git ls-files '*_test.go' | xargs grep -l '^func Fuzz' | xargs -n1 dirname | sort -u); do
  for target in $(grep -ho '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | cut -d' ' -f2); do
    [[ "$dir $target" =~ ${FUZZONLY:-.} ]] || continue
    echo "fuzz $dir $target"
    # Minimising a find that only adds coverage takes up to a minute by default, without a single execution more.
    go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-10m}" -fuzzminimizetime "${FUZZMINIMIZE:-10x}" -parallel "${FUZZPARALLEL:-$(nproc)}" "./$dir" | tee "$log"
    rows+=("| $dir | $target | $(grep -o 'execs: [0-9]*' "$log" | tail -n1 | cut -d' ' -f2) |")
  done
done
printf '%s\n' "${rows[@]}"
