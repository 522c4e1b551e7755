// Numbers and words for people.

export function size(bytes) {
  const units = ['bytes', 'KB', 'MB', 'GB', 'TB'];
  let unit = 0;
  while (bytes >= 999.5 && unit + 1 < units.length) {
    bytes /= 1000;
    unit += 1;
  }
  const digits = unit > 0 && bytes < 9.95 ? 1 : 0;
  return `${bytes.toFixed(digits)}\u00a0${units[unit]}`;
}

// Milliseconds as 0:07 or 1:02:03.
export function time(ms) {
  const all = Math.round(ms / 1000);
  const seconds = String(all % 60).padStart(2, '0');
  const minutes = Math.floor(all / 60) % 60;
  const hours = Math.floor(all / 3600);
  return hours > 0
    ? `${hours}:${String(minutes).padStart(2, '0')}:${seconds}`
    : `${minutes}:${seconds}`;
}

const codecs = {
  h264: 'H.264', hevc: 'H.265', vp8: 'VP8', vp9: 'VP9', av1: 'AV1',
  mpeg2video: 'MPEG-2', mpeg4: 'MPEG-4', theora: 'Theora',
};

export function codec(name) {
  return codecs[name] ?? name.toUpperCase();
}

export function count(n, word) {
  return `${n}\u00a0${word}${n === 1 ? '' : 's'}`;
}
