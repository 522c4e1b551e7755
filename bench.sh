#!/usr/bin/env bash
# Builds the benchmarks with optimisation and runs them.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/scripts/common.sh"

usage() {
  cat <<'EOF'
usage: ./bench.sh [--json FILE] [ARG...]
       ./bench.sh --studio [UPLOADS [ROUNDS]]

Builds preset release and runs build/release/bench/flame_bench with the
arguments given.

  --json FILE  writes the results to FILE as well
  --studio     instead, UPLOADS [50] videos at once for the studio, ROUNDS [3]
               times: whether all are made, what memory that leaves behind, and
               how long a small request beside them takes
  --help       this text
EOF
}

for arg in "$@"; do
  if [[ $arg == -h || $arg == --help ]]; then
    usage
    exit 0
  fi
done

if [[ ${1-} == --studio ]]; then
  shift
  need_packages build demo node
  build release studio
  export STUDIO=$flame_root/build/release/apps/studio/studio STUDIO_CONFIG=$flame_root/config/studio.yaml
  exec "$flame_root/tests/browser/run.sh" "$flame_root/build/release/studio_load" load.mjs "$@"
fi

need_packages build bench
build release flame_bench
exec "$flame_root/build/release/bench/flame_bench" "$@"
