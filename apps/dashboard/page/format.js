// Numbers as people read them: three digits, and a unit.

function digits(value) {
  if (value === 0)
    return "0";
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

// Microseconds.
export function time(us) {
  if (us === null || us === undefined)
    return "–";
  if (us < 999.5)
    return `${digits(us)} µs`;
  if (us < 999.5e3)
    return `${digits(us / 1e3)} ms`;
  if (us < 119.5e6)
    return `${digits(us / 1e6)} s`;
  return `${digits(us / 60e6)} min`;
}

// The same for an axis, where the number is round.
export function roundTime(us) {
  const [value, unit] = us < 1e3 ? [us, "µs"] : us < 1e6 ? [us / 1e3, "ms"] : [us / 1e6, "s"];
  return `${Number(value.toPrecision(3))} ${unit}`;
}

export function count(n) {
  if (n === null || n === undefined)
    return "–";
  if (n < 10000)
    return String(n);
  if (n < 999.5e3)
    return `${digits(n / 1e3)}k`;
  return n < 999.5e6 ? `${digits(n / 1e6)}M` : `${digits(n / 1e9)}G`;
}

export function rate(n) {
  return n >= 10000 ? count(n) : n === 0 ? "0" : n >= 99.5 ? n.toFixed(0) : n.toFixed(1);
}

export function age(s) {
  if (s < 60)
    return `${Math.floor(s)} s`;
  if (s < 3600)
    return `${Math.floor(s / 60)} min ${String(Math.floor(s % 60)).padStart(2, "0")} s`;
  if (s < 86400)
    return `${Math.floor(s / 3600)} h ${String(Math.floor(s / 60 % 60)).padStart(2, "0")} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor(s / 3600 % 24)} h`;
}

export function plural(n, one, many = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : many}`;
}
