#!/usr/bin/env bash
# Runs clang-tidy over our sources, and remembers what passed.
#
#   scripts/tidy.sh [--changed] [BUILD_DIR]
#
# BUILD_DIR (default: build/dev) has been built: the compile commands and the
# headers of each source are taken from it. A source is skipped when it, the
# headers of ours that it includes, its compile command, .clang-tidy and the
# version of clang-tidy are those of a run that passed. With --changed only
# sources that differ from the last commit are looked at.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
flame_name=clang-tidy
cd "$flame_root"

tidy=$(command -v clang-tidy-14 || command -v clang-tidy) ||
  fail "clang-tidy 14 is not installed: apt-get install clang-tidy-14"

# One source, in a process of its own: prints findings, leaves a stamp.
if [[ ${1-} == --one ]]; then
  work=$2 key=$3 source=$4
  begin=$EPOCHSECONDS
  # The commands are GCC's, with warnings that clang does not know.
  if output=$("$tidy" -p "$work" --quiet \
    --extra-arg=-Wno-unknown-warning-option "$source" 2>&1); then
    : >"$work/passed/$key"
    say "$source ($((EPOCHSECONDS - begin)) s)"
    exit 0
  fi
  # One write, so that findings of parallel runs do not mix.
  printf '%s\n' "$output" | grep -v -E '^[0-9]+ (warning|error)s? (generated|treated)' >&2 || true
  say "FAILED $source" >&2
  exit 1
fi

changed_only=no
if [[ ${1-} == --changed ]]; then
  changed_only=yes
  shift
fi
dir=${1:-build/dev}
[[ -f $dir/compile_commands.json ]] ||
  fail "$dir/compile_commands.json is missing: build preset dev first"
work=$dir/tidy
mkdir -p "$work/passed"

# One command for each source of ours, without GCC's precompiled header, which
# clang cannot read.
awk -v root="$flame_root/" -v build="$(cd "$dir" && pwd)/" '
  /"directory":/ { directory = $0 }
  /"command":/ {
    command = $0
    gsub(/ -Winvalid-pch/, "", command)
    gsub(/ -include [^ ]*cmake_pch\.hxx/, "", command)
    gsub(/ -fpch-preprocess/, "", command)
  }
  /"file":/ {
    match($0, /: "/)
    file = substr($0, RSTART + 3)
    sub(/",?$/, "", file)
    if (index(file, root) != 1 || index(file, build) == 1 || seen[file]++)
      next
    line = $0
    sub(/,?$/, "", line)
    printf "%s{\n%s\n%s\n%s\n}", (count++ ? ",\n" : "[\n"), directory, command, line
  }
  END { print count ? "\n]" : "[]" }
' "$dir/compile_commands.json" >"$work/compile_commands.json"

# "source file" for each file of ours that a source depends on, itself included.
ninja -C "$dir" -t deps | awk -v root="$flame_root/" -v build="$(cd "$dir" && pwd)/" '
  /^[^ ]/ { source = ""; next }
  NF == 1 && index($1, root) == 1 && index($1, build) != 1 {
    file = substr($1, length(root) + 1)
    if (source == "")
      source = file
    print source, file
  }
' | sort -u >"$work/depends"

declare -A command_of hash_of depends_of
while IFS=$'\t' read -r file command; do
  command_of[$file]=$command
done < <(awk -v root="$flame_root/" '
  /"command":/ { command = $0 }
  /"file":/ {
    match($0, /: "/)
    file = substr($0, RSTART + 3 + length(root))
    sub(/"$/, "", file)
    print file "\t" command
  }' "$work/compile_commands.json")
while read -r hash file; do
  hash_of[$file]=$hash
done < <(cut -d' ' -f2 "$work/depends" | sort -u | xargs -r sha256sum --)
while read -r source file; do
  depends_of[$source]+=" $file=${hash_of[$file]-}"
done <"$work/depends"

settings=$("$tidy" --version; cat .clang-tidy)
changed=
if [[ $changed_only == yes ]]; then
  changed=$( (git diff --name-only HEAD; git ls-files -o --exclude-standard) 2>/dev/null || true)
fi

todo=()
total=0
for source in "${!command_of[@]}"; do
  # The tests' own macros and loops are not what it is for.
  [[ $source == tests/* ]] && continue
  if [[ $changed_only == yes ]] && ! grep -q -x -F -- "$source" <<<"$changed"; then
    continue
  fi
  total=$((total + 1))
  key=$(sha256sum <<<"$settings ${command_of[$source]} ${depends_of[$source]-}")
  key=${key%% *}
  if [[ -f $work/passed/$key ]]; then
    touch "$work/passed/$key"
  else
    todo+=("$key" "$source")
  fi
done
find "$work/passed" -type f -mtime +30 -delete

say "$((${#todo[@]} / 2)) of $total sources to check"
if ((${#todo[@]} > 0)); then
  printf '%s\0' "${todo[@]}" |
    xargs -0 -n 2 -P "$(parallel_jobs)" "$flame_root/scripts/tidy.sh" --one "$work" ||
    fail "findings, see above"
fi
