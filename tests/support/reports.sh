#!/usr/bin/env bash
# The reports of sanitizers, a file for each process that had one.
#
#   reports.sh none FOLDER    takes away what is there
#   reports.sh check FOLDER   fails if something is there, and shows it
set -euo pipefail
what=$1 folder=$2

case $what in
  none)
    rm -rf "$folder"
    mkdir -p "$folder"
    ;;
  check)
    shopt -s nullglob
    found=("$folder"/*)
    ((${#found[@]} == 0)) && exit
    echo "FAIL: ${#found[@]} reports in $folder"
    for each in "${found[@]:0:5}"; do
      echo "--- $each"
      head -n 80 "$each"
    done
    exit 1
    ;;
esac
