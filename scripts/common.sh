# Functions of demo.sh, bench.sh and test.sh: packages, configuring, building.
# To be sourced by bash, with `set -euo pipefail` in force.
# shellcheck shell=bash

flame_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
flame_name=${0##*/}

say() {
  printf '%s: %s\n' "$flame_name" "$*"
}

fail() {
  printf '%s: error: %s\n' "$flame_name" "$*" >&2
  exit 1
}

# Names of the packages in the groups of packages.txt that are asked for.
packages_of() {
  awk -v groups=" $* " '
    /^# [a-z]+: / { group = substr($2, 1, length($2) - 1); next }
    /^#/ || !NF { next }
    index(groups, " " group " ") { print $1 }
  ' "$flame_root/packages.txt"
}

# Those of the packages that dpkg does not have.
missing_packages() {
  local installed
  installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null |
    awk '$2 == "installed" { print $1 }') || true
  comm -13 <(sort -u <<<"$installed") <(printf '%s\n' "$@" | sort -u)
}

# need_packages GROUP...: installs what is missing of these groups. Where there is
# an npm, from wherever, Debian's would be in its way.
need_packages() {
  local wanted missing as_root=() log groups=("$@")
  if command -v npm >/dev/null; then
    mapfile -t groups < <(printf '%s\n' "$@" | grep -v -x node)
  fi
  mapfile -t wanted < <(packages_of "${groups[@]}")

  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    if command -v cmake >/dev/null && command -v ninja >/dev/null; then
      say "no apt here, going on with what is installed; needed: ${wanted[*]}"
      return
    fi
    fail "no apt here, and no cmake or ninja." \
      "Install what these Debian packages have, then start again: ${wanted[*]}"
  fi

  mapfile -t missing < <(missing_packages "${wanted[@]}")
  if ((${#missing[@]} == 0)); then
    return
  fi
  if ((EUID != 0)); then
    command -v sudo >/dev/null || fail \
      "packages are missing, and this is neither root nor is there a sudo." \
      "As root: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi

  say "installing ${missing[*]}"
  log=$(mktemp)
  if ! {
    "${as_root[@]}" apt-get update &&
      "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "${missing[@]}"
  } </dev/null >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    fail "apt-get could not install ${missing[*]}; all of its output: $log"
  fi
  rm -f "$log"
}

# Compilers at a time: one for each CPU, and 1.5 GB of memory for each.
parallel_jobs() {
  local cpus available
  cpus=$(nproc 2>/dev/null || echo 2)
  available=$(awk '/^MemAvailable:/ { print int($2 / 1500000) }' /proc/meminfo 2>/dev/null || true)
  if [[ -n $available ]] && ((available < cpus)); then
    cpus=$((available > 0 ? available : 1))
  fi
  echo "$cpus"
}

# configure PRESET: once, and again when the presets have changed.
configure() {
  local dir=$flame_root/build/$1 stamp=$flame_root/build/$1/.configured log
  if [[ -f $dir/build.ninja && -f $stamp &&
    ! $flame_root/CMakePresets.json -nt $stamp ]]; then
    return
  fi
  if [[ -z ${CMAKE_CXX_COMPILER_LAUNCHER+set} ]] && command -v ccache >/dev/null; then
    export CMAKE_CXX_COMPILER_LAUNCHER=ccache
  fi
  say "configuring build/$1"
  mkdir -p "$dir"
  log=$dir/configure.log
  if ! (cd "$flame_root" && cmake --preset "$1") >"$log" 2>&1; then
    cat "$log" >&2
    fail "cmake could not configure preset '$1' (log: build/$1/configure.log)"
  fi
  touch "$stamp"
}

# build PRESET [TARGET...]: all targets when none is named.
build() {
  local preset=$1 targets=()
  shift
  if (($# > 0)); then
    targets=(--target "$@")
  fi
  configure "$preset"
  # What ccache must be told before it takes precompiled headers.
  export CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS:-pch_defines,time_macros,include_file_mtime,include_file_ctime}
  say "building build/$preset${*:+: $*}"
  NINJA_STATUS=${NINJA_STATUS:-'[%f/%t %es] '} \
    cmake --build "$flame_root/build/$preset" --parallel "$(parallel_jobs)" "${targets[@]}" ||
    fail "the build of preset '$preset' failed, see above"
}
