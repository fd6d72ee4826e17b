#!/bin/sh
# Prints the lines of engine/quant/testdata/files.txt: file type, model, SHA-256 of the file that llama-quantize writes.
# Usage: files.sh LLAMA_QUANTIZE, a binary of llama.cpp v0.5.0. The models are those of engine/quant/testdata/small.
set -eu
cd "$(dirname "$0")/../.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
go run ./engine/quant/testdata/small/cmd "$tmp"
for type in F32 F16 BF16 Q8_0 Q4_0 Q4_1 Q5_0 Q5_1 Q2_K Q3_K_S Q3_K_M Q3_K_L Q4_K_S Q4_K_M Q5_K_S Q5_K_M Q6_K IQ4_NL IQ4_XS MXFP4_MOE; do
	for model in grouped plain narrow large falcon moe4 moe8; do
		"$1" "$tmp/$model.gguf" "$tmp/out" "$type" >"$tmp/log" 2>&1 || { cat "$tmp/log"; exit 1; }
		printf '%s %s %s\n' "$type" "$model" "$(sha256sum <"$tmp/out" | cut -d' ' -f1)"
	done
done
