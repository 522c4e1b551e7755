#!/usr/bin/env bash
# What a program that uses flame::run<App> says and returns.
#
#   run_test.sh service_app
set -uo pipefail
program=$1
failures=0
output=$(mktemp)
settings=$(mktemp)
trap 'rm -f "$output" "$settings"' EXIT

check() {
  local name=$1 status=$2 expected=$3
  shift 3
  local got=0
  timeout 60 "$@" >"$output" 2>&1 || got=$?
  if [[ $got != "$status" ]] || ! grep -qF -- "$expected" "$output"; then
    echo "FAIL $name: status $got, wanted $status and \"$expected\""
    sed 's/^/    /' "$output"
    failures=$((failures + 1))
  fi
}

# The same output has this in it, too.
also() {
  local name=$1 expected=$2
  if ! grep -qF -- "$expected" "$output"; then
    echo "FAIL $name: wanted \"$expected\""
    sed 's/^/    /' "$output"
    failures=$((failures + 1))
  fi
}

check "main's value is the exit status" 3 "the parent answers 1" "$program"
check "start runs on runners too" 3 "a runner answers 2" "$program"
check "a start that throws fails the boot with its text" 1 \
  "the database is on fire" "$program" --broken
check "start may ask for a pool, on runners too" 3 "a runner answers 2" \
  "$program" --nested
check "the error of main is reported" 1 "error: " "$program" --broken
check "a configure that throws is reported" 1 \
  "error: the settings are in a language unknown" \
  env SERVICE_APP_UNSETTLED=parent "$program"
check "a configure that throws on a runner fails the boot with its text" 1 \
  "this runner cannot start: the settings are in a language unknown" \
  env SERVICE_APP_UNSETTLED=runner "$program"
also "such a runner ends with the status of one that cannot start" \
  "ended with exit status 70"
check "an unknown option of a pool is refused" 2 "did you mean \`max\`" \
  "$program" --pools.services.mx=2
check "--print-config shows what is in force" 0 "backend: process" \
  "$program" --print-config
check "log lines have the name of the node" 3 " camera-7 runner is ready" \
  "$program" --node.name=camera-7
cat >"$settings" <<'END'
pools:
  services:
    backend:
      name: process
      executble: /bin/true
    mx: 3
  spare:
    backend: proces
END
check "--check-config tells all mistakes, with the nearest words" 2 \
  "$settings:5:7: \`executble\` is not a setting of this backend: did you mean \`executable\`?" \
  "$program" --config "$settings" --check-config
also "a mistake in a key is told beside those of backends" \
  "$settings:6:5: unknown key \`mx\`: did you mean \`max\`?"
also "an unknown backend is told with the nearest one" \
  "$settings:8:14: there is no backend \`proces\`: did you mean \`process\`?"
sed -i '/mx:/d' "$settings"
check "a pool with a wrong setting is refused when it starts" 2 \
  "$settings:5:7: \`executble\` is not a setting of this backend: did you mean \`executable\`?" \
  "$program" --config "$settings"
sed -i 's/executble/executable/; s/proces$/process/' "$settings"
check "--check-config starts nothing where all is well" 0 \
  "$settings: ok, 2 pools" "$program" --config "$settings" --check-config
if grep -q "answers" "$output"; then
  echo "FAIL --check-config starts nothing where all is well: it ran"
  failures=$((failures + 1))
fi
cat >"$settings" <<'END'
supervisors:
  watchers:
    children:
      - {id: a, start: watch, args: [fire]}
      - {id: b, start: wacth, args: [water]}
END
check "--check-config tells what a tree has that the program has not" 2 \
  "$settings:5:24: no child is registered as \`wacth\`: did you mean \`watch\`?" \
  "$program" --config "$settings" --check-config
check "a tree with a mistake is refused when it is to start" 2 \
  "$settings:5:24: no child is registered as" "$program" --config "$settings"
sed -i 's/wacth/watch/' "$settings"
check "--check-config counts trees" 0 "$settings: ok, 1 pool, 1 supervisor" \
  "$program" --config "$settings" --check-config
check "--print-config shows trees" 0 "      - id: b  " \
  "$program" --config "$settings" --print-config
check "a tree ends with its node" 3 "the watch over water has ended" \
  "$program" --config "$settings"
check "--check-config needs no file" 0 "no file: ok, 1 pool" \
  "$program" --check-config
check "a configure that throws is a mistake for --check-config" 2 \
  "program: the settings are in a language unknown" \
  env SERVICE_APP_UNSETTLED=parent "$program" --check-config
check "a missing configuration file is refused" 2 "nowhere.yaml" \
  "$program" --config nowhere.yaml
check "the environment beats the program" 0 "max: 7" \
  env FLAME_POOLS_SERVICES_MAX=7 "$program" --print-config
check "a flag beats the environment" 0 "max: 8" \
  env FLAME_POOLS_SERVICES_MAX=7 "$program" --pools.services.max=8 --print-config

# Runs the program until its call is under way, sends it so many SIGTERM, and
# checks as `check` does.
terminate() {
  local name=$1 status=$2 expected=$3 signals=$4
  shift 4
  local got=0 pid sent=0
  # Nothing is left in it of the program before.
  : >"$output"
  # In the foreground, it passes a signal on once.
  timeout --foreground -s KILL 60 "$@" >"$output" 2>&1 &
  pid=$!
  for ((i = 0; i < 600; ++i)); do
    grep -qF working "$output" && break
    sleep 0.05
  done
  # Signals of one kind that come together count as one.
  while kill -0 "$pid" 2>/dev/null && ((sent++ < signals)); do
    kill -TERM "$pid"
    ((sent < signals)) && sleep 0.2
  done
  wait "$pid" || got=$?
  if [[ $got != "$status" ]] || ! grep -qF -- "$expected" "$output"; then
    echo "FAIL $name: status $got, wanted $status and \"$expected\""
    sed 's/^/    /' "$output"
    failures=$((failures + 1))
  fi
}

for backend in local process; do
  terminate "SIGTERM lets what runs end, then ends the parent ($backend)" \
    143 "the work is done" 1 \
    "$program" "--pools.services.backend=$backend" --wait
  terminate "a second SIGTERM ends the parent at once ($backend)" \
    143 "working" 2 \
    "$program" "--pools.services.backend=$backend" \
    --pools.services.timeout=300s --pools.services.shutdown_timeout=300s \
    --wait 200
done
terminate "SIGTERM ends the trees of the parent" 143 \
  "the watch over fire has ended" 1 "$program" --config "$settings" --wait
terminate "after SIGTERM, what runs gets shutdown_timeout and no more" \
  143 "runner is gone" 1 "$program" --pools.services.timeout=300s \
  --pools.services.shutdown_timeout=100ms --wait 200
terminate "a program that handles SIGTERM itself is left to do so" \
  7 "working" 1 "$program" --own

# Waits until a text is in the output.
await() {
  for ((i = 0; i < 600; ++i)); do
    grep -qF -- "$1" "$output" && return
    sleep 0.05
  done
}

# The processes below one, itself included.
processes_of() {
  local children child
  echo "$1"
  read -r -d '' -a children < <(cat "/proc/$1/task/"*/children 2>/dev/null) || true
  for child in "${children[@]}"; do
    processes_of "$child"
  done
}

# SIGUSR1 to all processes of a program: parent and runner say what they are,
# and nobody ends of it.
: >"$output"
timeout --foreground -s KILL 60 "$program" --pools.services.backend=process \
  --pools.services.isolation=process --wait 3 >"$output" 2>&1 &
waiting=$!
await working
mapfile -t all < <(processes_of "$waiting")
kill -USR1 "${all[@]:1}"
await "node flame"
await "runner=services-1 | node flame"
kill -TERM "${all[1]}"
got=0
wait "$waiting" || got=$?
if [[ $got != 143 || ${#all[@]} -lt 5 ]]; then
  echo "FAIL SIGUSR1 ends no process: status $got, processes ${all[*]}"
  failures=$((failures + 1))
fi
for expected in "node flame" "├─ gateway running" \
  "pool services running" "runner services-1 ready" "slots=1/8" \
  "runner=services-1 | node flame" "the work is done"; do
  also "SIGUSR1 shows what a node consists of" "$expected"
done
exit $((failures > 0))
