#!/usr/bin/env bash
# Fuzzes every target of the module for FUZZTIME each (default 10m), FUZZONLY (a pattern of "package target") or all, and prints
# the rows of docs/verification.md's table: package, target, processor seconds, executions, finds. A crasher stays below the package's testdata/fuzz and ends the run.
#
# Go's fuzz engine ends a worker whose input takes longer than ten seconds by the clock, whatever it was doing: a worker that is
# stopped, or that gets no processor, ends so as well ("hung or terminated unexpectedly"). An input that is named then is tried
# alone: one that passes at once is no find, is removed, and the target goes on.
set -euo pipefail
cd "$(dirname "$0")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# fuzz DIR TARGET: one run of the engine; what it prints goes to the log as well.
fuzz() {
  # Minimising a find that only adds coverage takes up to a minute by default, without a single execution more.
  go test -run '^$' -fuzz "^$2\$" -fuzztime "${FUZZTIME:-10m}" -fuzzminimizetime "${FUZZMINIMIZE:-10x}" -parallel "${FUZZPARALLEL:-$(nproc)}" "./$1" | tee "$log"
}

# cpu: processor seconds of all that ran until now.
cpu() { awk '{ print ($16 + $17) / 100 }' "/proc/$$/stat"; }

for dir in $(git ls-files '*_test.go' | xargs grep -l '^func Fuzz' | xargs -n1 dirname | sort -u); do
  for target in $(grep -ho '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | cut -d' ' -f2); do
    [[ "$dir $target" =~ ${FUZZONLY:-.} ]] || continue
    echo "fuzz $dir $target"
    go test -run '^$' -fuzz "^$target\$" -fuzztime 1x "./$dir" >"$log" || { cat "$log"; exit 1; } # builds it
    execs=0 stopped=0 before=$(cpu)
    until fuzz "$dir" "$target"; do
      execs=$((execs + $(grep -o 'execs: [0-9]*' "$log" | tail -n1 | cut -d' ' -f2 || echo 0)))
      input=$(grep -o "testdata/fuzz/$target/[0-9a-f]*" "$log" | head -n1)
      grep -q 'hung or terminated unexpectedly' "$log" && [[ -n $input && $stopped -lt 5 ]] || exit 1
      go test -timeout 30s -run "^$target\$/^${input##*/}\$" "./$dir" || exit 1
      rm "$dir/$input"
      stopped=$((stopped + 1))
    done
    execs=$((execs + $(grep -o 'execs: [0-9]*' "$log" | tail -n1 | cut -d' ' -f2)))
    note=none
    [[ $stopped -eq 0 ]] || note="none; its worker got no processor for ten seconds $stopped times"
    echo "| $dir | $target | $(awk -v a="$before" -v b="$(cpu)" 'BEGIN { printf "%.0f", b - a }') | $execs | $note |"
  done
done
