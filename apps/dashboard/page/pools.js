// A pool: its runners, its plots, and what has failed.
import { Distribution, TimeChart } from "/charts.js";
import { element, keep, say } from "/dom.js";
import { age, count, plural, rate, roundTime, time } from "/format.js";

// More slots than this are a bar, not cells.
const MOST_CELLS = 16;

const CAUSES = {
  timeout: "took longer than its timeout",
  cancelled: "its caller did not want it any more",
  runner_lost: "its runner ended",
  boot_failed: "no runner could be booted",
  queue_full: "too many callers waited",
  pool_closed: "the pool was shut down",
  remote_exception: "the function threw",
  call_crashed: "the process of the call ended",
  out_of_resources: "the system refused a resource",
};

function createRunner(runner) {
  const it = element("li", "runner");
  it.name = element("b", "", runner.name);
  it.state = element("span", "state");
  it.slots = element("span", "slots");
  it.facts = element("span", "quiet");
  it.append(element("span", "row", it.name, it.state), it.slots, it.facts);
  return it;
}

function drawSlots(where, { in_use, slots }) {
  const cells = slots <= MOST_CELLS;
  where.classList.toggle("bar", !cells);
  if (cells) {
    while (where.childElementCount < Math.max(slots, 1))
      where.append(element("i"));
    [...where.children].forEach((cell, i) => cell.classList.toggle("on", i < in_use));
  } else {
    if (where.childElementCount !== 1)
      where.replaceChildren(element("i", "on"));
    where.firstChild.style.width = `${100 * in_use / slots}%`;
  }
}

function updateRunner(it, runner) {
  it.dataset.state = runner.state;
  say(it.state, runner.state);
  drawSlots(it.slots, runner);
  const facts = runner.slots ? [`${runner.in_use}/${runner.slots}`] : [];
  facts.push(age(runner.age_s));
  if (runner.pid)
    facts.push(`pid ${runner.pid}`);
  say(it.facts, facts.join(" · "));
}

// One that has gone is seen for a moment, with how it went.
function letGo(it, wasLost) {
  const state = wasLost ? "lost" : "gone";
  it.dataset.state = state;
  say(it.state, state);
  it.classList.add("leaving");
  setTimeout(() => it.remove(), 2500);
}

export class PoolView {
  constructor(pool) {
    this.facts = element("p", "quiet");
    this.numbers = element("dl", "numbers");
    this.runners = element("ul", "runners");
    this.noRunner = element("p", "empty", "No runner. One is booted when a call waits for it.");
    this.failures = element("ul", "failures");
    this.lost = pool.ever.lost;
    const bands = [
      { key: "p50_us", label: "p50", kind: "p50" },
      { key: "p90_us", label: "p90", kind: "p90" },
      { key: "p99_us", label: "p99", kind: "p99" },
    ];
    this.latency = new TimeChart({
      title: "Call latency", series: bands, format: time, tick: roundTime, logarithmic: true, nothing: "no call in this time",
    });
    this.distribution = new Distribution({
      title: "Distribution", note: "last minute", kind: "calls", format: time, nothing: "no call in the last minute",
    });
    this.rate = new TimeChart({
      title: "Calls per second", format: rate, tick: count, least: 4,
      series: [
        { key: "succeeded", label: "ok", kind: "ok", area: true },
        { key: "failed", label: "failed", kind: "failed", area: true },
      ],
    });
    this.slots = new TimeChart({
      title: "Slots and queue", format: value => count(Math.round(value)), least: 4,
      series: [
        { key: "in_use", label: "in use", kind: "use", area: true },
        { key: "slots", label: "slots", kind: "all" },
        { key: "queued", label: "waiting", kind: "queue" },
      ],
    });
    this.boots = new Distribution({
      title: "Boot times", kind: "boots", format: time, nothing: "no boot yet",
    });
    this.root = element("section", "card pool",
      element("div", "head", element("div", "", element("h2", "", pool.name), this.facts), this.numbers),
      element("div", "stage", this.runners, this.noRunner),
      element("div", "charts",
        element("div", "wide", this.latency.root), element("div", "wide", this.distribution.root),
        element("div", "", this.rate.root), element("div", "", this.slots.root), element("div", "", this.boots.root)),
      this.failures);
  }

  // `rows` are all that the page keeps, as arrays by column.
  update(pool, rows, { at_ms, span }) {
    const most = pool.max > 1e6 ? "∞" : pool.max;
    say(this.facts, `${pool.backend} · ${pool.min} to ${most} runners · ${plural(pool.max_concurrency, "slot")} each`);
    this.updateNumbers(pool);
    this.updateRunners(pool);
    this.updateFailures(pool.calls.failed);
    const now = rows.at_ms.at(-1) ?? at_ms;
    const perSecond = column => column.map((value, i) => {
      const before = i > 0 ? rows.at_ms[i] - rows.at_ms[i - 1] : this.every;
      return value * 1000 / Math.max(before, 1);
    });
    this.every = rows.at_ms.length > 1 ? rows.at_ms[1] - rows.at_ms[0] : 1000;
    this.latency.show(rows.at_ms, rows, now, span);
    this.rate.show(rows.at_ms, { succeeded: perSecond(rows.succeeded), failed: perSecond(rows.failed) }, now, span);
    const slots = rows.runners.map(runners => runners * pool.max_concurrency);
    this.slots.show(rows.at_ms, { in_use: rows.in_use, slots, queued: rows.queued }, now, span);
    this.distribution.show(pool.latency);
    this.boots.show(pool.boot);
  }

  updateNumbers({ calls, ever }) {
    const numbers = [
      ["calls", calls.succeeded], ["boots", ever.boots], ["let go", ever.retired],
      ["tried again", ever.retries], ["failed boots", ever.failed_boots], ["lost", ever.lost],
    ];
    const isBad = name => name === "failed boots" || name === "lost";
    keep(this.numbers, numbers, ([name]) => name, ([name]) => {
      const it = element("div", "", element("dt", "", name), element("dd"));
      it.amount = it.lastChild;
      return it;
    }, (it, [name, value]) => {
      say(it.amount, count(value));
      it.classList.toggle("bad", isBad(name) && value > 0);
    });
  }

  updateRunners({ runners, ever }) {
    let newlyLost = ever.lost - this.lost;
    this.lost = ever.lost;
    keep(this.runners, runners, ({ name }) => name, createRunner, updateRunner, it => {
      const wasLost = it.dataset.state === "lost" || (newlyLost > 0 && it.dataset.state !== "draining");
      newlyLost -= wasLost ? 1 : 0;
      letGo(it, wasLost);
    });
    this.noRunner.hidden = this.runners.childElementCount > 0;
    this.runners.classList.toggle("dense", runners.length > 48);
  }

  updateFailures(failed) {
    const causes = Object.entries(failed).sort(([, a], [, b]) => b - a);
    const most = Math.max(1, ...causes.map(([, n]) => n));
    this.failures.hidden = causes.length === 0;
    keep(this.failures, causes, ([cause]) => cause, ([cause]) => {
      const it = element("li");
      it.bar = element("i");
      it.amount = element("b");
      it.append(element("code", "", cause), element("span", "quiet", CAUSES[cause] ?? ""), element("span", "track", it.bar), it.amount);
      return it;
    }, (it, [, n]) => {
      it.bar.style.width = `${100 * n / most}%`;
      say(it.amount, count(n));
    });
  }
}
