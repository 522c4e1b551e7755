#!/usr/bin/env bash
# Runs a program on a backend: it must succeed, and say what is expected.
#
#   expect.sh BACKEND PROGRAM [ARGUMENT... --] PATTERN...
#
# BACKEND is what FLAME_BACKEND is to be, or - for programs that choose their
# own. Each PATTERN is an extended regular expression that must match what the
# program writes, errors included; it may span lines.
set -uo pipefail
backend=$1
command=("$2")
shift 2
if [[ " $* " == *" -- "* ]]; then
  while [[ $1 != -- ]]; do
    command+=("$1")
    shift
  done
  shift
fi

unset FLAME_BACKEND
if [[ $backend != - ]]; then
  export FLAME_BACKEND=$backend
fi
status=0
output=$(timeout 50 "${command[@]}" 2>&1) || status=$?

failed=no
if ((status != 0)); then
  echo "FAIL: exit status $status"
  failed=yes
fi
for pattern in "$@"; do
  if ! [[ $output =~ $pattern ]]; then
    echo "FAIL: nothing like \"$pattern\""
    failed=yes
  fi
done
printf '%s\n' "$output"
[[ $failed == no ]]
