#!/usr/bin/env bash
# Builds the benchmarks with optimisation and runs them.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/scripts/common.sh"

usage() {
  cat <<'EOF'
usage: ./bench.sh [--json FILE] [ARG...]

Builds preset release and runs build/release/bench/flame_bench with the
arguments given.

  --json FILE  writes the results to FILE as well
  --help       this text
EOF
}

for arg in "$@"; do
  if [[ $arg == -h || $arg == --help ]]; then
    usage
    exit 0
  fi
done

need_packages build bench
build release flame_bench
exec "$flame_root/build/release/bench/flame_bench" "$@"
