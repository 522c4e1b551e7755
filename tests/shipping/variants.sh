#!/usr/bin/env bash
# Builds a program that calls functions of itself, of a shared library and of a
# module, in each way that may change where its functions lie or what names the
# build, and runs it as parent and runner.
#
#   variants.sh OUT SHARED_FLAME STATIC_FLAME LIBS STATIC_LIBS COMPILER [FLAG...]
#
# LIBS is what a program links with a shared flame, STATIC_LIBS what it needs
# besides with a static one.
set -euo pipefail

out=$1 shared=$2 static=$3
read -ra libs <<<"$4"
read -ra static_libs <<<"$5"
shift 5
compiler="$* -std=c++20"
here=$(cd "$(dirname "$0")" && pwd)
failures=0

rm -rf "$out"
mkdir -p "$out"

# compile FLAGS OUT SOURCE
compile() {
  local command
  read -ra command <<<"$1"
  "${command[@]}" -c -o "$2" "$3"
}
export -f compile

# compilations NAME FLAGS: what `compile` is to compile into a folder.
compilations() {
  local name=$1 how="$compiler $2" part
  mkdir "$out/$name"
  for part in program library module; do
    printf '%s\0' "$how" "$out/$name/$part.o" "$here/variants_$part.cpp"
    # Whatever the program is, its libraries can lie anywhere.
    how="$compiler $2 -fPIC"
  done
}

# link NAME OBJECTS FLAME FLAGS PROGRAM_FLAGS
link() {
  local dir=$out/$1 objects=$out/$2 flame library_flame=() command program_flags part
  mkdir -p "$dir"
  read -ra command <<<"$compiler $4"
  read -ra program_flags <<<"$5"
  if [[ $3 == shared ]]; then
    flame=("$shared" "-Wl,-rpath,$(dirname "$shared")" "${libs[@]}")
    library_flame=("${flame[@]}")
  else
    # There is one table of functions in a process: the program has flame, and
    # its libraries find it there.
    flame=("$static" -rdynamic "${libs[@]}" "${static_libs[@]}")
  fi
  for part in library module; do
    "${command[@]}" -shared -o "$dir/$part.so" "$objects/$part.o" \
      "${library_flame[@]}"
  done
  "${command[@]}" "${program_flags[@]}" -o "$dir/program" "$objects/program.o" \
    "$dir/library.so" "-Wl,-rpath,$dir" "${flame[@]}"
}

# Runs a variant, and says how it went.
run() {
  local dir=$out/$1 output status=0
  output=$(timeout 60 "$dir/program" "$dir/module.so" 2>&1) || status=$?
  if ((status != 0)); then
    echo "FAIL $1: status $status"
    printf '%s\n' "$output" | sed 's/^/    /'
    failures=$((failures + 1))
  fi
}

# Whether a linked file has this in its notes, headers or sections. All is read:
# a reader that leaves early ends the writer by a signal, and so the pipe fails.
expect() {
  local name=$1 wanted=$2 pattern=$3 found=no
  if readelf --wide --notes --file-header --sections "$out/$name/program" \
    | grep "$pattern" >/dev/null; then
    found=yes
  fi
  if [[ $found != "$wanted" ]]; then
    echo "FAIL $name: is not what it is to show, '$pattern'"
    failures=$((failures + 1))
  fi
}

{
  compilations plain "-O0 -fPIE"
  compilations no-pie "-O3 -fno-pie"
  compilations lto "-O2 -flto -fPIE"
} | xargs -0 -n 3 -P "$(nproc)" bash -c 'compile "$@"' compile

link plain plain shared "" -pie
link no-pie no-pie shared "-O3" -no-pie
link lto lto shared "-O2 -flto" -pie
link stripped plain shared "-Wl,--strip-all" -pie
link no-build-id plain shared "-Wl,--build-id=none" -pie
link static plain static "" -pie

expect plain yes "DYN (Position-Independent"
expect no-pie yes "EXEC (Executable"
expect stripped no "[.]symtab"
expect plain yes "Build ID"
expect no-build-id no "Build ID"

for variant in plain no-pie lto stripped no-build-id static; do
  run "$variant"
done
echo "6 variants, $failures failures"
((failures == 0))
