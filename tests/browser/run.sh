#!/usr/bin/env bash
# Runs a program of this directory, which plays the part of browsers: tests of pages
# in Debian's Chromium, and others.
#
#   run.sh DIRECTORY --test studio.test.mjs
#   run.sh DIRECTORY --test dashboard.test.mjs
#   run.sh DIRECTORY load.mjs [ARGUMENT...]
#
# Variables say which programs: STUDIO and its STUDIO_CONFIG, DASHBOARD for its tests, SLOW_START for the
# studio's, a library to be preloaded. What npm installs, and pictures of pages, go to DIRECTORY. CHROMIUM says where the browser is.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
directory=$1
shift
export PICTURES=$directory/pictures

mkdir -p "$directory"
for file in package.json package-lock.json; do
  if ! cmp -s "$here/$file" "$directory/$file"; then
    cp "$here/$file" "$directory/$file"
    rm -rf "$directory/node_modules"
  fi
done
if [[ ! -d $directory/node_modules ]]; then
  npm ci --prefix "$directory" --no-audit --no-fund --loglevel=error
fi
# Modules are looked for beside the file that imports them.
cp "$here"/*.mjs "$directory/"
cd "$directory"

# What any of them has in its temporary directory goes at the end.
TMPDIR=$(mktemp -d)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
if [[ $1 == --test ]]; then
  # Ends what hangs, with all that it has started, before ctest kills this alone.
  timeout --kill-after=20 540 node "$@"
else
  node "$@"
fi
