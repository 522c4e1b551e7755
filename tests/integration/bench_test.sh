#!/usr/bin/env bash
# A short run of the benchmark: that every figure is there, not what it is.
#
#   bench_test.sh flame_bench
set -euo pipefail
program=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  echo "FAIL: $*" >&2
  exit 1
}

timeout 120 "$program" --quick --rounds 1 --json "$work/figures.json" >"$work/table"
keys=(warm_call_p50_ratio actor_call_p50_ratio calls_8_ratio calls_64_over_8
  calls_256_over_8 raw_64_over_8 raw_256_over_8 cast_per_s echo_1m_ratio
  echo_16m_ratio stream_mib_ratio_1k stream_mib_ratio_64k small_beside_big_ratio
  leases_per_s queued_call_bytes dispatch_growth giveup_stall_ms
  place_child_p50_ratio place_children_per_s cold_start_p50_ms
  cold_start_ratio burst_ratio idle_runner_pss_mib isolated_call_p50_over_thread
  isolated_first_call_ms worker_pss_mib)
for key in "${keys[@]}"; do
  grep -q "^$key " "$work/table" || fail "no $key in the table"
  grep -q "^  \"$key\": {" "$work/figures.json" || fail "no $key in the JSON"
done
found=$(grep -c '^  "[a-z0-9_]*": {' "$work/figures.json")
((found == ${#keys[@]})) || fail "$found figures, wanted ${#keys[@]}"

if timeout 20 "$program" --quick --json "$work/none/figures.json" >"$work/out" 2>&1; then
  fail "a file that cannot be written is no error"
fi
grep -q "cannot write $work/none/figures.json" "$work/out" || fail "$(cat "$work/out")"
