#!/usr/bin/env bash
# Fetches llama.cpp, the engine's peer, into a folder: its sources (vocabularies with vectors, public chat templates), its
# libraries, and the programs in tools/peer that the comparisons run. Tests find the folder through HALLMARK_PEER.
#
# usage: tools/peer.sh FOLDER
set -euo pipefail
src="$(cd "$(dirname "$0")" && pwd)/peer"
mkdir -p "${1:?usage: tools/peer.sh FOLDER}" && cd "$1"
version=3.22.1 # of the npm packages that bring llama.cpp v0.5.0
lib="$PWD/node_modules/@node-llama-cpp/linux-x64/bins/linux-x64"

if [ ! -d "$lib" ]; then
  npm install --ignore-scripts --no-audit --no-fund --loglevel=error --omit=optional "node-llama-cpp@$version" "@node-llama-cpp/linux-x64@$version"
fi
if [ ! -d llama.cpp ]; then
  git clone -q -c advice.detachedHead=false node_modules/node-llama-cpp/llama/gitRelease.bundle llama.cpp
fi
mkdir -p bin
for program in "$src"/*.cpp; do
  g++ -O2 -std=c++17 -Illama.cpp/include -Illama.cpp/ggml/include "$program" -o "bin/$(basename "$program" .cpp)" \
    "$lib/libllama.v0.5.0.so" "$lib/libggml.v0.5.0.so" "$lib/libggml-base.so" -Wl,-rpath,"$lib" -Wl,-rpath-link,"$lib"
done
echo "export HALLMARK_PEER=$PWD"
