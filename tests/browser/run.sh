#!/usr/bin/env bash
# Tests of the studio's page in a browser, Debian's Chromium; or another program
# of this directory that plays a browser's part.
#
#   run.sh STUDIO CONFIG DIRECTORY [PROGRAM [ARGUMENT...]]
#
# STUDIO is the program that is tested. Pictures of the page, and what npm installs, go to
# DIRECTORY.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export STUDIO=$1 STUDIO_CONFIG=$2 PICTURES=$3/pictures

mkdir -p "$3"
for file in package.json package-lock.json; do
  if ! cmp -s "$here/$file" "$3/$file"; then
    cp "$here/$file" "$3/$file"
    rm -rf "$3/node_modules"
  fi
done
if [[ ! -d $3/node_modules ]]; then
  npm ci --prefix "$3" --no-audit --no-fund --loglevel=error
fi
directory=$3
shift 3
# Modules are looked for beside the file that imports them.
cp "$here"/*.mjs "$directory/"
cd "$directory"

# What any of them has in its temporary directory goes at the end.
TMPDIR=$(mktemp -d)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
if (($# > 0)); then
  node "$@"
else
  # Ends what hangs, with all that it has started, before ctest kills this alone.
  timeout --kill-after=20 540 node --test .
fi
