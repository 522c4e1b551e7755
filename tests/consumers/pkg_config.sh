#!/usr/bin/env bash
# Builds and runs a program with what pkg-config says about an installed flame.
#
#   pkg_config.sh PREFIX SOURCE OUT COMPILER [FLAG...]
set -euo pipefail

prefix=$1 source=$2 out=$3 compiler=$4
shift 4

mapfile -t pc < <(find "$prefix" -name flame.pc)
if ((${#pc[@]} != 1)); then
  echo "expected one flame.pc below $prefix, found ${#pc[@]}" >&2
  exit 1
fi
PKG_CONFIG_PATH=$(dirname "${pc[0]}")
export PKG_CONFIG_PATH

read -ra cflags < <(pkg-config --cflags flame)
read -ra libs < <(pkg-config --libs flame)
set -x
"$compiler" -std=c++20 -Wall -Wextra -Werror "$@" "${cflags[@]}" \
  "$source" "${libs[@]}" -o "$out"
LD_LIBRARY_PATH=$(pkg-config --variable=libdir flame) "$out"
readelf --notes "$out" | grep "Build ID"
