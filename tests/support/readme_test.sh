#!/usr/bin/env bash
# The README's example is the program that is compiled and run.
set -euo pipefail
root=$1
diff <(sed -n '/^#include/,$p' "$root/apps/examples/readme.cpp") \
  <(awk '/^```cpp$/ {on = 1; next} /^```$/ {if (on) exit} on' "$root/README.md")
