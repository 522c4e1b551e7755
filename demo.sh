#!/usr/bin/env bash
# Takes a thumbnail of every second of a video, on runners of its own; or serves
# a page on which videos are dropped.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/scripts/common.sh"

usage() {
  cat <<'EOF'
usage: ./demo.sh [VIDEO]
       ./demo.sh --web [OPTION...]

Installs what is missing, builds the program `thumbnails`, takes a thumbnail of
every second of VIDEO and puts them together on one contact sheet in
out/thumbnails. Without VIDEO, a minute of moving picture with a clock is made.

With --web, builds and starts the program `studio`, and prints the address of its
page: drop a video there, and its thumbnails appear while it is being uploaded.
Options are those of `studio`, such as --port N.

  --help  this text
EOF
}

# One minute of test picture; a file that is there is complete.
make_video() {
  local video=$1 font=/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf
  local part=${video%.mp4}.part.mp4
  if [[ -f $video ]]; then
    return
  fi
  [[ -f $font ]] || fail "$font is missing: apt-get install fonts-dejavu-core"
  say "making a test video: out/${video##*/}"
  mkdir -p "${video%/*}"
  if ! ffmpeg -nostdin -hide_banner -loglevel error -y \
    -f lavfi -i testsrc2=size=1280x720:rate=25:duration=60 \
    -vf "drawtext=fontfile=$font:text='%{pts\:hms}':fontsize=96:fontcolor=white:box=1:boxcolor=black@0.6:boxborderw=16:x=(w-text_w)/2:y=(h-text_h)/2" \
    -c:v libx264 -preset ultrafast -g 50 -pix_fmt yuv420p "$part"; then
    rm -f "$part"
    fail "ffmpeg could not make the test video, see above"
  fi
  mv "$part" "$video"
}

if [[ ${1-} == --web ]]; then
  shift
  cd "$flame_root"
  need_packages build demo
  build release studio
  exec build/release/apps/studio/studio --config config/studio.yaml "$@"
fi

video=
for arg in "$@"; do
  case $arg in
    -h | --help)
      usage
      exit 0
      ;;
    -*)
      usage >&2
      fail "unknown option '$arg'"
      ;;
    *)
      [[ -z $video ]] || fail "one video at a time, got '$video' and '$arg'"
      video=$arg
      ;;
  esac
done
if [[ -n $video ]]; then
  [[ -r $video ]] || fail "cannot read the video '$video'"
  video=$(realpath "$video")
fi

cd "$flame_root"
need_packages build demo
build release thumbnails
if [[ -z $video ]]; then
  video=$flame_root/out/test-video.mp4
  make_video "$video"
fi

out=out/thumbnails
say "taking thumbnails of $video"
build/release/apps/thumbnails/thumbnails "$video" --every 1s --out "$out" \
  --config config/thumbnails.yaml ||
  fail "thumbnails failed with status $?, see above"

sheet=$(find "$out" -maxdepth 1 -type f -name '*sheet*' -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d' ' -f2-)
if [[ -z $sheet ]]; then
  fail "thumbnails ended well, but there is no contact sheet in $out"
fi
say "contact sheet: $flame_root/$sheet"
