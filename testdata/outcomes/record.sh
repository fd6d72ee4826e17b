#!/bin/sh
# Runs the suite on variants of the tinychat models and prints the table. Usage: record.sh BUILD-FOLDER > tinychat.csv
set -e
dir=$1 models=testdata/models/tinychat
mkdir -p "$dir"
go build -o "$dir/outcomes" ./testdata/outcomes
for m in base guarded naive; do
	cp "$models/$m-f16.gguf" "$dir/"
	for q in Q8_0 Q4_K_M Q4_0 Q3_K_S Q2_K; do
		bin/hallmark model quantize -q "$models/$m-f16.gguf" "$dir/$m-$q.gguf" $q >&2
	done
	for s in 0.05 0.1 0.2; do
		"$dir/outcomes" perturb "$models/$m-f16.gguf" "$dir/$m-noise$s.gguf" $s
	done
done
for f in "$dir"/*.gguf; do
	bin/hallmark gate -q --seed 1 -o json "$f" > "${f%.gguf}.json" || [ $? -lt 4 ] || [ $? -eq 5 ]
done
"$dir/outcomes" table "$dir"/*.json
