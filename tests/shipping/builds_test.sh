#!/usr/bin/env bash
# What works between two builds of one program.
#
#   builds_test.sh ONE_BUILD OTHER_BUILD
set -uo pipefail
one=$1 other=$2
failures=0
output=$(mktemp)
trap 'rm -f "$output"' EXIT

check() {
  local name=$1 status=$2 expected=$3 got=0
  shift 3
  timeout 60 "$one" "$other" "$@" >"$output" 2>&1 || got=$?
  if [[ $got != "$status" ]] || ! grep -q -- "$expected" "$output"; then
    echo "FAIL $name: status $got, wanted $status and \"$expected\""
    sed 's/^/    /' "$output"
    failures=$((failures + 1))
  fi
}

refused="allow_different_builds.*FLAME_FUNCTION"
unknown="no FLAME_FUNCTION with the name and signature"

check "a call by name runs in the other build" 0 "^call 7 from build 2$" by_name
check "a function called by name gets a stop token" 0 "^can stop$" \
  with_stop_token
check "a name with another signature is unknown" 1 "$unknown" changed
check "a name that only one build has is unknown" 1 "$unknown" missing
check "a function without a name is refused" 1 "$refused" function
check "a lambda is refused" 1 "$refused" lambda
check "a child is refused" 0 "$refused" child
check "another build is refused where it is not allowed, naming both" 1 \
  "programs are not the same: here runs .*$one (build id .*there runs .*$other (build id " \
  by_name same

other=$one
check "a call by name works within one build, too" 0 "^call 7 from build 1$" \
  by_name
check "where builds are the same, a function with a name is like any other" 0 \
  "^call 7 from build 1$" by_name same
exit $((failures > 0))
