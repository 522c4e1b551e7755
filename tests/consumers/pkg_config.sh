#!/usr/bin/env bash
# Builds and runs a program with what pkg-config says about an installed flame,
# and looks at the name by which programs ask for a shared one.
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
libdir=$(pkg-config --variable=libdir flame)
LD_LIBRARY_PATH=$libdir "$out"
readelf --notes "$out" | grep "Build ID"

# Before 1.0, a program built with 0.1 must not find 0.2 in its place.
if [[ -e $libdir/libflame.so ]]; then
  version=$(pkg-config --modversion flame)
  case $version in
    0.*) compatible=${version%.*} ;;
    *) compatible=${version%%.*} ;;
  esac
  readelf --dynamic "$out" | grep -F "[libflame.so.$compatible]"
  [[ -e $libdir/libflame.so.$compatible ]]
fi
