#!/usr/bin/env bash
# What FLAME_SAVE_FAILED keeps, and what --flame-replay does with it.
#
#   replay_test.sh PROGRAM OTHER_PROGRAM
set -uo pipefail
program=$1 other=$2
failures=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
output=$work/output
broken=$work/broken
export FLAME_SAVE_FAILED=$work/failed

fail() {
  echo "FAIL $1"
  sed 's/^/    /' "$output"
  failures=$((failures + 1))
}

# expect NAME STATUS TEXT COMMAND...
expect() {
  local name=$1 status=$2 text=$3 got=0
  shift 3
  # In a shell of its own, which is the one to say that it was killed.
  (timeout 60 "$@"; exit $?) >"$output" 2>&1 || got=$?
  if [[ $got != "$status" ]] || ! grep -qF -- "$text" "$output"; then
    fail "$name: status $got, wanted $status and \"$text\""
  fi
}

kept() {
  find "$FLAME_SAVE_FAILED" -name "$1" 2>/dev/null
}

# The file of the one call that the last program made.
expect_kept() {
  local file
  file=$(kept "replay-1-*.flame")
  if [[ ! -f $file || $(stat -c %a "$file") != 600 ]]; then
    fail "$1: wanted one file of mode 600, found '$file'"
  fi
  mv -f "$file" "$work/$2"
}

expect_nothing_kept() {
  if [[ -n $(kept "*.flame") ]]; then
    fail "$1: found $(kept "*.flame")"
  fi
}

for backend in local process; do
  rm -f "$broken"
  expect "a call that succeeds ($backend)" 0 9 "$program" "$backend" measure "$broken"
  expect_nothing_kept "a call that succeeds leaves no file ($backend)"
  touch "$broken"
  expect "a call that throws ($backend)" 1 "does not like some text" \
    "$program" "$backend" measure "$broken"
  expect_kept "a call that throws is kept ($backend)" "threw"
  expect "a call that times out ($backend)" 1 "longer than its timeout" \
    "$program" "$backend" sleep
  expect_kept "a call that times out is kept ($backend)" "slow"
done
expect "a call that kills its runner" 1 "signal" "$program" process crash
expect_kept "a call that kills its runner is kept" "crashed"

expect "a replay ends with the exception, where start has run" 1 \
  "exception: std::out_of_range: the runner does not like some text" \
  "$program" --flame-replay "$work/threw"
rm -f "$broken"
expect "a replay that succeeds says how long the result is" 0 "result: 8 bytes" \
  "$program" --flame-replay "$work/threw" and other arguments
expect "a replay of what crashed crashes" 137 "" \
  "$program" --flame-replay "$work/crashed"
expect "another program refuses the file" 2 "programs are not the same" \
  "$other" --flame-replay "$work/threw"
expect "a file that is no call is refused" 2 "does not begin as one" \
  "$program" --flame-replay "$program"
head -c 40 "$work/threw" >"$work/cut"
expect "a file that is cut off is refused" 2 "is not complete" \
  "$program" --flame-replay "$work/cut"
expect "a file that is missing is refused" 2 "No such file" \
  "$program" --flame-replay "$work/nothing"
expect "a replay of no file is refused" 2 "error: " "$program" --flame-replay

unset FLAME_SAVE_FAILED
touch "$broken"
expect "nothing is kept when nobody asks" 1 "does not like" \
  "$program" process measure "$broken"
FLAME_SAVE_FAILED=$work/failed
expect_nothing_kept "nothing is kept when nobody asks"
expect \
  "a folder that cannot be made is logged, and changes no result" 1 \
  "does not like" env FLAME_SAVE_FAILED="$program/no/folder" \
  "$program" process measure "$broken"
exit $((failures > 0))
