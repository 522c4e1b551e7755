#!/bin/sh
# Checks that what must not compile does not, and says what the first line of
# the file expects; ok_*.cpp must compile.
#
#   run.sh COMPILER [flags...]
set -u

if [ $# -lt 1 ]; then
  echo "usage: $0 COMPILER [flags...]" >&2
  exit 2
fi

here=$(dirname "$0")
output=$(mktemp)
trap 'rm -f "$output"' EXIT
failures=0
good=0
bad=0

fail() {
  echo "FAIL $1: $2"
  sed 's/^/    /' "$output" | head -n 20
  failures=$((failures + 1))
}

for file in "$here"/*.cpp; do
  name=$(basename "$file")
  if "$@" -fsyntax-only "$file" > "$output" 2>&1; then
    compiled=yes
  else
    compiled=no
  fi
  case $name in
    ok_*)
      good=$((good + 1))
      [ $compiled = yes ] || fail "$name" "does not compile"
      continue
      ;;
  esac
  bad=$((bad + 1))
  expected=$(sed -n '1s|^// expect: ||p' "$file")
  if [ -z "$expected" ]; then
    fail "$name" "the first line expects nothing"
  elif [ $compiled = yes ]; then
    fail "$name" "compiles"
  elif ! grep -qF "$expected" "$output"; then
    fail "$name" "fails without saying: $expected"
  fi
done

if [ $good -eq 0 ] || [ $bad -eq 0 ]; then
  echo "FAIL: $good files that must compile, $bad that must not"
  failures=$((failures + 1))
fi
echo "$bad refused, $good accepted, $failures failures"
[ $failures -eq 0 ]
