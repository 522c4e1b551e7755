#!/usr/bin/env bash
# The code in a guide is that of the files that it names, which are compiled and
# run: `<!-- FILE -->` stands before a block that has FILE from its first
# #include on.
#
#   guide_test.sh ROOT GUIDE...
set -euo pipefail
root=$1
shift
for guide in "$@"; do
  mapfile -t files < <(sed -n 's/^<!-- \(.*[.][ch]pp\) -->$/\1/p' "$root/$guide")
  if ((${#files[@]} == 0)); then
    echo "FAIL: $guide names no file"
    exit 1
  fi
  for file in "${files[@]}"; do
    diff <(sed -n '/^#include/,$p' "$root/$file") \
      <(awk -v mark="<!-- $file -->" '
          $0 == mark {found = 1}
          found && on && /^```$/ {exit}
          on {print}
          found && /^```cpp$/ {on = 1}' "$root/$guide")
  done
done
