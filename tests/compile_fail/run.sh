#!/usr/bin/env bash
# Checks that what must not compile does not, and says what the first line of
# the file expects; ok_*.cpp must compile. A second line "// compiler: NAME"
# is for what only that compiler sees.
#
#   run.sh COMPILER [FLAG...]
set -euo pipefail

if (($# < 1)); then
  echo "usage: $0 COMPILER [FLAG...]" >&2
  exit 2
fi

# Checks one file.
check() {
  local file=$1 output expected wanted name compiled=no
  shift
  name=$(basename "$file" .cpp)
  wanted=$(sed -n '2s|^// compiler: ||p' "$file")
  if [[ -n $wanted && $wanted != "$COMPILER_KIND" ]]; then
    echo "skipped" >"$RESULTS/$name.result"
    return
  fi
  output=$RESULTS/$name.output
  if "$@" -fsyntax-only "$file" >"$output" 2>&1; then
    compiled=yes
  fi
  expected=$(sed -n '1s|^// expect: ||p' "$file")
  if [[ $name == ok_* ]]; then
    if [[ $compiled == yes ]]; then
      echo "accepted" >"$RESULTS/$name.result"
      return
    fi
    echo "FAIL $name: does not compile"
  elif [[ -z $expected ]]; then
    echo "FAIL $name: the first line expects nothing"
  elif [[ $compiled == yes ]]; then
    echo "FAIL $name: compiles"
  elif ! grep -qF -- "$expected" "$output"; then
    echo "FAIL $name: fails without saying: $expected"
  else
    echo "refused" >"$RESULTS/$name.result"
    return
  fi
  sed 's/^/    /' "$output" | head -n 20
}
export -f check

here=$(cd "$(dirname "$0")" && pwd)
RESULTS=$(mktemp -d)
export RESULTS
trap 'rm -rf "$RESULTS"' EXIT
COMPILER_KIND=gcc
if [[ $("$1" --version) == *clang* ]]; then
  COMPILER_KIND=clang
fi
export COMPILER_KIND

# All files share what takes long: to read the headers.
prelude=$RESULTS/prelude.hpp
cat >"$prelude" <<'END'
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flame/call.hpp"
#include "flame/place.hpp"
END
"$@" -x c++-header "$prelude" -o "$prelude.gch"

files=("$here"/*.cpp)
printf '%s\0' "${files[@]}" \
  | xargs -0 -P "$(nproc)" -I {} bash -c 'check "$@"' check {} "$@" \
    -include "$prelude"

count() {
  grep -lx "$1" "$RESULTS"/*.result | wc -l
}
refused=$(count refused || true)
accepted=$(count accepted || true)
skipped=$(count skipped || true)
failures=$((${#files[@]} - refused - accepted - skipped))
echo "$COMPILER_KIND: $refused refused, $accepted accepted," \
  "$skipped for another compiler, $failures failures"
((failures == 0 && refused > 0 && accepted > 0))
