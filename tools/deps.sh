#!/usr/bin/env bash
# Installs what the tests need beside Go: npm packages at their locked versions, qemu for the other instruction sets, runc,
# and a browser for the report page.
set -euo pipefail
cd "$(dirname "$0")/.."

for dir in tools/npm contracts; do
  if [ ! -f "$dir/package-lock.json" ] || { [ -f "$dir/node_modules/.installed" ] && [ ! "$dir/package-lock.json" -nt "$dir/node_modules/.installed" ]; }; then
    continue
  fi
  npm --prefix "$dir" ci --ignore-scripts --no-audit --no-fund --loglevel=error
  touch "$dir/node_modules/.installed"
done
chmod +x tools/npm/node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool

missing=()
command -v qemu-aarch64-static >/dev/null || missing+=(qemu-user-static)
command -v runc >/dev/null || missing+=(runc)
browser=false
command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null || browser=true
install() { DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null; }
if { [ ${#missing[@]} -gt 0 ] || $browser; } && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  apt-get update -qq
  [ ${#missing[@]} -eq 0 ] || install "${missing[@]}"
  # Debian has it by this name; elsewhere the tests that need a browser skip.
  ! $browser || install chromium-headless-shell || echo "deps: no chromium-headless-shell here"
fi
