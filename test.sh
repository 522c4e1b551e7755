#!/usr/bin/env bash
# Builds everything and runs all checks and tests.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/scripts/common.sh"

usage() {
  cat <<'EOF'
usage: ./test.sh [--quick]
       ./test.sh --sanitize address|thread
       ./test.sh --chaos [--seed N] [--seconds S]

Builds preset dev, checks format (clang-format), scripts (shellcheck) and
sources (clang-tidy), and runs the tests; then builds library and tests with
Clang, with AddressSanitizer and UndefinedBehaviorSanitizer and once more with
ThreadSanitizer, and runs those. What passed clang-tidy is remembered in
build/dev/tidy.

  --quick  only the tests labelled "quick", clang-tidy only on sources that
           differ from the last commit, no sanitizers; under a minute once it is
           built
  --sanitize  nothing but the tests with these sanitizers, or with
           ThreadSanitizer
  --chaos  nothing but calls, streams, casts and supervised children under
           constant faults: runners and workers are killed, stopped, crashed
           and told to end at random. Says at the end whether all is accounted
           for. --seed repeats the faults of a run (default: a new one each
           time), --seconds says how long (default 60)
  --help   this text
EOF
}

quick=no
chaos=no
sanitize=
chaos_args=(--seed "$RANDOM" --seconds 60)
while (($# > 0)); do
  case $1 in
    --quick) quick=yes ;;
    --chaos) chaos=yes ;;
    --sanitize)
      case ${2-} in
        address) sanitize=asan ;;
        thread) sanitize=tsan ;;
        *) fail "--sanitize needs 'address' or 'thread'" ;;
      esac
      shift
      ;;
    --seed | --seconds)
      [[ ${2-} =~ ^[0-9]+$ ]] || fail "$1 needs a number"
      chaos_args+=("$1" "$2")
      shift
      ;;
    -h | --help)
      usage
      exit 0
      ;;
    *)
      usage >&2
      fail "unknown option '$1'"
      ;;
  esac
  shift
done

cd "$flame_root"
failed=()

check_format() {
  local tool files=()
  tool=$(command -v clang-format-14 || command -v clang-format) ||
    fail "clang-format 14 is not installed: apt-get install clang-format-14"
  "$tool" --style=file --dump-config >/dev/null || {
    say ".clang-format does not fit $("$tool" --version)" >&2
    return 1
  }
  mapfile -d '' -t files < <(find libflame actors backends apps tests bench \
    \( -name '*.hpp' -o -name '*.cpp' \) -print0)
  say "checking the format of ${#files[@]} files"
  printf '%s\0' "${files[@]}" |
    xargs -0 -r -n 20 -P "$(parallel_jobs)" "$tool" --dry-run --Werror || {
    say "mend it with: $(basename "$tool") -i FILE..." >&2
    return 1
  }
}

check_scripts() {
  command -v shellcheck >/dev/null || return 0
  local files=()
  mapfile -d '' -t files < <(find . -name '*.sh' -not -path './build*' -print0)
  say "checking ${#files[@]} scripts"
  shellcheck -x .ci/run "${files[@]}"
}

check_sources() {
  if [[ $quick == yes ]]; then
    scripts/tidy.sh --changed build/dev
  else
    scripts/tidy.sh build/dev
  fi
}

run_tests() {
  # What takes long and is random is run by the build with sanitizers.
  local which=(--exclude-regex '^(chaos|soak[.](growth|kills))$')
  if [[ $quick == yes ]]; then
    which=(--label-regex '^quick$')
  fi
  say "running the tests"
  ctest --test-dir build/dev --output-on-failure --no-tests=error --timeout 300 \
    --parallel "$(parallel_jobs)" "${which[@]}" 2>&1 | tee build/dev/ctest.log
}

# check_sanitized PRESET: the second compiler, and what it adds to the code.
# tests/sanitizers.cmake says which tests these are.
check_sanitized() {
  local dir=build/$1
  build "$1" sanitized_tests
  say "running the tests of $dir"
  if ! ctest --preset "$1" --parallel "$(parallel_jobs)" >"$dir/ctest.log" 2>&1; then
    say "tests of $dir failed, all of their output: $dir/ctest.log" >&2
    sed -n '/ tests passed, /,$p' "$dir/ctest.log" >&2
    # What the sanitizers found, or what the first tests said that failed.
    find "$dir/reports" -type f -exec head -n 60 {} + | head -n 300 >&2
    return 1
  fi
}

need_packages build test bench demo browser node
if [[ $chaos == yes ]]; then
  build dev chaos
  exec build/dev/tests/chaos "${chaos_args[@]}"
fi
if [[ -n $sanitize ]]; then
  check_sanitized "$sanitize"
  exit
fi
check_format || failed+=(clang-format)
check_scripts || failed+=(shellcheck)
build dev
check_sources || failed+=(clang-tidy)
run_tests || failed+=(ctest)
if [[ $quick == no ]]; then
  check_sanitized asan || failed+=(asan)
  check_sanitized tsan || failed+=(tsan)
fi

if ((${#failed[@]} > 0)); then
  say "failed: ${failed[*]}" >&2
fi
grep -E '^[0-9]+% tests passed' build/dev/ctest.log || true
((${#failed[@]} == 0))
