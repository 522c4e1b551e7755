#!/usr/bin/env bash
# Runs clang-tidy over our sources, and remembers what passed.
#
#   scripts/tidy.sh [--changed] [BUILD_DIR]
#
# BUILD_DIR (default: build/dev) has been built: the headers of each source are
# taken from it. What takes clang-tidy long are the headers of others, so sources
# are read in groups, the unity sources that CMake makes. A group is skipped when
# its sources, the headers of ours that they include, the compile command,
# .clang-tidy and the version of clang-tidy are those of a run that passed. With
# --changed only sources that differ from the last commit are looked at, each for
# itself; examples are looked at then only.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
flame_name=clang-tidy
cd "$flame_root"

tidy=$(command -v clang-tidy-14 || command -v clang-tidy) ||
  fail "clang-tidy 14 is not installed: apt-get install clang-tidy-14"

# One file, in a process of its own: prints findings, leaves a stamp.
if [[ ${1-} == --one ]]; then
  work=$2 key=$3 file=$4 name=$5
  begin=$EPOCHSECONDS
  # The commands are GCC's, with warnings that clang does not know; and a group
  # includes sources.
  if output=$("$tidy" -p "$work" --quiet --checks=-bugprone-suspicious-include \
    --extra-arg=-Wno-unknown-warning-option "$file" 2>&1); then
    : >"$work/passed/$key"
    say "$name ($((EPOCHSECONDS - begin)) s)"
    exit 0
  fi
  # One write, so that findings of parallel runs do not mix.
  printf '%s\n' "$output" | grep -v -E '^[0-9]+ (warning|error)s? (generated|treated)' >&2 || true
  say "FAILED $name" >&2
  exit 1
fi

changed_only=no
if [[ ${1-} == --changed ]]; then
  changed_only=yes
  shift
fi
dir=${1:-build/dev}
[[ -f $dir/build.ninja ]] ||
  fail "$dir/build.ninja is missing: build preset dev first"
work=$(cd "$dir" && pwd)/tidy
mkdir -p "$work/passed"

# Trees that are never built: for their compile commands, without the
# precompiled headers of GCC, which clang cannot read. The tests' own macros and
# loops are not what it is for.
unity=ON
if [[ $changed_only == yes ]]; then
  work=$work/single
  unity=OFF
  mkdir -p "$work/passed"
fi
if ! cmake --preset dev -B "$work" -DFLAME_PCH=OFF -DFLAME_BUILD_TESTS=OFF \
  -DCMAKE_CXX_COMPILER_LAUNCHER= -DCMAKE_UNITY_BUILD=$unity \
  -DCMAKE_UNITY_BUILD_BATCH_SIZE=8 >"$work/configure.log" 2>&1; then
  cat "$work/configure.log" >&2
  fail "cmake could not configure $work"
fi

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

declare -A hash_of depends_of
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
while IFS=$'\t' read -r file command; do
  case $file in
    "$work"/*/Unity/*)
      mapfile -t sources < <(sed -n "s|^#include \"$flame_root/\\(.*\\)\"\$|\\1|p" "$file")
      name="${sources[*]}"
      ;;
    "$work"/*) continue ;; # made by the build
    *)
      sources=("${file#"$flame_root"/}")
      name=${sources[0]}
      ;;
  esac
  if [[ $changed_only == yes ]] && ! grep -q -x -F -- "$name" <<<"$changed"; then
    continue
  fi
  # Each has a `main`, so that they cannot be read as one, and would take a third
  # of the time.
  if [[ $changed_only == no && $name == apps/examples/* ]]; then
    continue
  fi
  total=$((total + ${#sources[@]}))
  key="$settings $command"
  for source in "${sources[@]}"; do
    key+=${depends_of[$source]-}
  done
  key=$(sha256sum <<<"$key")
  key=${key%% *}
  if [[ -f $work/passed/$key ]]; then
    touch "$work/passed/$key"
  else
    todo+=("$key" "$file" "$name")
  fi
done < <(awk '
  /"command":/ { command = $0 }
  /"file":/ {
    match($0, /: "/)
    file = substr($0, RSTART + 3)
    sub(/",?$/, "", file)
    if (!seen[file]++)
      print file "\t" command
  }' "$work/compile_commands.json")
find "$work/passed" -type f -mtime +30 -delete

say "$((${#todo[@]} / 3)) groups to check, of $total sources in all"
if ((${#todo[@]} > 0)); then
  printf '%s\0' "${todo[@]}" |
    xargs -0 -n 3 -P "$(parallel_jobs)" "$flame_root/scripts/tidy.sh" --one "$work" ||
    fail "findings, see above"
fi
