#!/bin/sh
# Prints the lines of engine/quant/testdata/peer.txt: type, matrix, and SHA-256 of the bytes that llama.cpp's library gives and of
# the floats that it turns those back to.
# Usage: golden.sh LLAMA_CPP_SOURCE DIRECTORY_OF_LIBGGML_BASE
# Both come with the npm packages node-llama-cpp and @node-llama-cpp/linux-x64 (3.22.1 has llama.cpp v0.5.0).
set -eu
here=$(dirname "$0")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cc -O1 -I"$1/ggml/include" "$here/peer.c" -o "$tmp/peer" "$2/libggml-base.so" -Wl,-rpath,"$2"
for type in F32=0 F16=1 Q4_0=2 Q4_1=3 Q5_0=6 Q5_1=7 Q8_0=8 Q2_K=10 Q3_K=11 Q4_K=12 Q5_K=13 Q6_K=14 IQ4_NL=20 IQ4_XS=23 BF16=30 MXFP4=39; do
	for matrix in bell zeros outlier huge subnormal equal ties; do
		"$tmp/peer" "${type#*=}" "$matrix" >"$tmp/out"
		"$tmp/peer" "${type#*=}" "$matrix" floats >"$tmp/floats"
		printf '%s %s %s %s\n' "${type%=*}" "$matrix" "$(sha256sum <"$tmp/out" | cut -d' ' -f1)" "$(sha256sum <"$tmp/floats" | cut -d' ' -f1)"
	done
done
