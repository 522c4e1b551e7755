// Plots, drawn as SVG. Colours come from the style sheet, by class.
import { element, say, shape } from "/dom.js";

const LEFT = 52;
const RIGHT = 10;
const TOP = 10;
const BOTTOM = 22;
const HEIGHT = 168;

const half = value => Math.round(value) + 0.5;

// 1, 2 or 5 times a power of ten, not less than `value`.
export function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  const times = value / power;
  return (times <= 1 ? 1 : times <= 2 ? 2 : times <= 5 ? 5 : 10) * power;
}

class Linear {
  constructor(most, least) {
    this.most = Math.max(roundUp(Math.max(most, 1e-9)), least);
    // 4 steps where that makes round numbers, else 5.
    const first = this.most / 10 ** Math.floor(Math.log10(this.most));
    const steps = Math.round(first) % 2 === 0 ? 4 : 5;
    this.ticks = Array.from({ length: steps + 1 }, (_, i) => Number((this.most * i / steps).toPrecision(6)));
  }

  // 0 at the bottom, 1 at the top.
  part(value) {
    return Math.min(value / this.most, 1);
  }
}

class Logarithmic {
  constructor(least, most) {
    this.from = Math.floor(Math.log10(Math.max(least, 0.1)));
    this.to = Math.max(Math.ceil(Math.log10(Math.max(most, 0.1))), this.from + 1);
    const every = Math.ceil((this.to - this.from) / 5);
    this.ticks = [];
    for (let at = this.from; at <= this.to; at += every)
      this.ticks.push(10 ** at);
    if (this.to - this.from <= 2)
      for (let at = this.from; at < this.to; ++at)
        this.ticks.push(...(this.to - this.from === 1 ? [2, 5] : [3]).map(n => n * 10 ** at));
  }

  part(value) {
    const at = (Math.log10(Math.max(value, 0.01)) - this.from) / (this.to - this.from);
    return Math.min(Math.max(at, 0), 1);
  }
}

// A title with numbers, and below it an area to draw on.
class Frame {
  constructor(title, note, series) {
    this.values = new Map();
    const legend = element("ul", "legend");
    for (const { key, label, kind } of series) {
      const value = element("b", "", "–");
      this.values.set(key, value);
      legend.append(element("li", kind, element("i"), `${label} `, value));
    }
    this.note = element("span", "quiet", note);
    this.title = element("h3", "", title, " ", this.note);
    this.svg = shape("svg", { class: "plot", role: "img", "aria-label": title, height: HEIGHT });
    this.root = element("figure", "chart", element("figcaption", "", this.title, legend), this.svg);
    this.width = 0;
    new ResizeObserver(([entry]) => {
      this.width = Math.floor(entry.contentRect.width);
      this.svg.setAttribute("width", this.width);
      this.draw();
    }).observe(this.root);
  }

  say(key, text) {
    say(this.values.get(key), text);
  }

  x(part) {
    return LEFT + part * (this.width - LEFT - RIGHT);
  }

  y(part) {
    return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM);
  }

  yAxis(scale, format) {
    const result = shape("g", { class: "axis" });
    for (const tick of scale.ticks) {
      const y = half(this.y(scale.part(tick)));
      result.append(shape("line", { x1: LEFT, x2: this.width - RIGHT, y1: y, y2: y }),
        shape("text", { x: LEFT - 8, y: y + 3.5, "text-anchor": "end" }, format(tick)));
    }
    return result;
  }

  empty(text) {
    return shape("text", { class: "nothing", x: this.x(0.5), y: this.y(0.5) + 4, "text-anchor": "middle" }, text);
  }
}

// What was so over time. `series` are lines, or areas that lie on each other.
export class TimeChart extends Frame {
  constructor({ title, note = "", series, format, tick = format, logarithmic = false, least = 1, nothing = "" }) {
    super(title, note, series);
    Object.assign(this, { series, format, tick, logarithmic, least, nothing });
    this.times = [];
    this.columns = {};
    this.svg.addEventListener("pointermove", event => this.point(event));
    this.svg.addEventListener("pointerleave", () => this.point(null));
  }

  // times: milliseconds; columns: by key of the series, as many values.
  show(times, columns, now, span) {
    Object.assign(this, { times, columns, now, span });
    this.draw();
  }

  point(event) {
    this.pointer = event ? event.offsetX : null;
    this.draw();
  }

  draw() {
    if (this.width < LEFT + RIGHT + 20 || !this.times.length)
      return;
    const begin = this.now - this.span;
    const first = Math.max(this.times.findIndex(at => at >= begin), 0);
    const times = this.times.slice(first);
    const columns = this.series.map(({ key }) => this.columns[key].slice(first));
    const scale = this.scaleOf(columns);
    const x = at => this.x((at - begin) / this.span);
    const parts = [scale ? this.yAxis(scale, this.tick) : this.empty(this.nothing), this.timeAxis()];
    if (scale) {
      let below = times.map(() => 0);
      this.series.forEach(({ kind, area }, i) => {
        if (!area)
          return;
        const above = columns[i].map((value, k) => below[k] + (value ?? 0));
        parts.push(this.area(kind, times.map(x), above, below, scale));
        below = above;
      });
      this.series.forEach(({ kind, area }, i) => {
        if (!area)
          parts.push(this.line(kind, times.map(x), columns[i], scale));
      });
    }
    const marked = this.marked(times, x);
    if (marked !== null)
      parts.push(shape("line", { class: "cursor", x1: half(x(times[marked])), x2: half(x(times[marked])), y1: TOP, y2: HEIGHT - BOTTOM }));
    this.svg.replaceChildren(...parts);
    this.series.forEach(({ key }, i) => {
      const value = marked === null ? columns[i].at(-1) : columns[i][marked];
      this.say(key, value === null ? "–" : this.format(value));
    });
  }

  // The look that the pointer is next to.
  marked(times, x) {
    if (this.pointer === null || this.pointer === undefined)
      return null;
    let best = 0;
    times.forEach((at, i) => {
      if (Math.abs(x(at) - this.pointer) < Math.abs(x(times[best]) - this.pointer))
        best = i;
    });
    return best;
  }

  scaleOf(columns) {
    const lines = this.series.map(({ area }, i) => area ? [] : columns[i].filter(value => value !== null));
    if (this.logarithmic) {
      const all = lines.flat();
      return all.length ? new Logarithmic(Math.min(...all), Math.max(...all)) : null;
    }
    const sums = columns[0].map((_, k) => this.series.reduce((sum, { area }, i) => sum + (area ? columns[i][k] ?? 0 : 0), 0));
    return new Linear(Math.max(0, ...sums, ...lines.flat()), this.least);
  }

  timeAxis() {
    const minutes = this.span / 60000;
    const room = this.width < 420 ? 2 : 1;
    const step = (minutes <= 1 ? 15 : minutes <= 2 ? 30 : Math.ceil(minutes / 5) * 60) * room;
    const result = shape("g", { class: "axis" });
    for (let ago = 0; ago * 1000 <= this.span; ago += step) {
      const text = ago === 0 ? "now" : ago % 60 === 0 ? `−${ago / 60} min` : `−${ago} s`;
      const part = 1 - ago * 1000 / this.span;
      result.append(shape("text", {
        x: this.x(part), y: HEIGHT - 5, "text-anchor": ago === 0 ? "end" : "middle",
      }, text));
    }
    return result;
  }

  // A value of its own is a dot.
  line(kind, xs, values, scale) {
    let path = "";
    let open = false;
    values.forEach((value, i) => {
      if (value === null) {
        open = false;
        return;
      }
      const at = `${xs[i].toFixed(1)} ${this.y(scale.part(value)).toFixed(1)}`;
      path += open ? `L${at}` : `M${at}h.01`;
      open = true;
    });
    return shape("path", { class: `line ${kind}`, d: path });
  }

  area(kind, xs, above, below, scale) {
    const point = (x, value) => `${x.toFixed(1)} ${this.y(scale.part(value)).toFixed(1)}`;
    const top = xs.map((x, i) => point(x, above[i]));
    const bottom = xs.map((x, i) => point(x, below[i])).reverse();
    return shape("g", { class: `area ${kind}` },
      shape("path", { class: "fill", d: `M${top.join("L")}L${bottom.join("L")}Z` }),
      // Not where there is nothing between the two.
      this.line("", xs, above.map((value, i) => value > below[i] ? value : null), scale));
  }
}

// A distribution of times: bars over a logarithmic axis.
export class Distribution extends Frame {
  constructor({ title, note = "", kind, format, nothing }) {
    super(title, note, [
      { key: "p50_us", label: "p50", kind: "p50" },
      { key: "p90_us", label: "p90", kind: "p90" },
      { key: "p99_us", label: "p99", kind: "p99" },
    ]);
    Object.assign(this, { kind, format, nothing });
  }

  show(times) {
    this.times = times;
    this.draw();
  }

  draw() {
    if (this.width < LEFT + RIGHT + 20 || !this.times)
      return;
    for (const key of this.values.keys())
      this.say(key, this.format(this.times[key]));
    const bars = this.bars();
    if (!bars.length) {
      this.svg.replaceChildren(this.empty(this.nothing));
      return;
    }
    const buckets = this.times.buckets;
    const across = new Logarithmic(Math.max(buckets[0][0], 0.1), buckets.at(-1)[1]);
    const up = new Linear(Math.max(...bars.map(bar => bar.count)), 4);
    const parts = [this.yAxis(up, value => value >= 10000 ? `${value / 1000}k` : String(Math.round(value)))];
    const axis = shape("g", { class: "axis" });
    for (const tick of across.ticks) {
      const part = across.part(tick);
      axis.append(shape("text", {
        x: this.x(part), y: HEIGHT - 5, "text-anchor": part > 0.95 ? "end" : part < 0.05 ? "start" : "middle",
      }, this.tickText(tick)));
    }
    parts.push(axis);
    for (const { from, to, count } of bars) {
      const left = this.x(across.part(from));
      const right = this.x(across.part(to));
      const top = Math.min(this.y(up.part(count)), this.y(0) - 1.5);
      parts.push(shape("rect", {
        class: `bar ${this.kind}`, x: left + 0.5, width: Math.max(right - left - 1, 1), y: top, height: this.y(0) - top, rx: 1.5,
      }));
    }
    for (const key of this.values.keys()) {
      const x = half(this.x(across.part(this.times[key])));
      parts.push(shape("line", { class: `mark ${key.slice(0, 3)}`, x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM }));
    }
    this.svg.replaceChildren(...parts);
  }

  tickText(us) {
    return this.format(us).replace(/\.0+ /, " ");
  }

  // What was counted, in bars of a twelfth of a decade. A bucket that lies in
  // two goes to both.
  bars() {
    const width = 12;
    const all = new Map();
    for (const [from, to, count] of this.times.buckets) {
      const low = Math.log10(Math.max(from, 0.1)) * width;
      const high = Math.max(Math.log10(to) * width, low + 1e-9);
      for (let at = Math.floor(low); at < high; ++at) {
        const share = (Math.min(high, at + 1) - Math.max(low, at)) / (high - low);
        all.set(at, (all.get(at) ?? 0) + count * share);
      }
    }
    return [...all].sort(([a], [b]) => a - b)
      .map(([at, count]) => ({ from: 10 ** (at / width), to: 10 ** ((at + 1) / width), count }));
  }
}
