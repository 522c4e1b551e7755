// Listens to the node, and shows what it says.
import { keep, say } from "/dom.js";
import { age, count, plural, rate, time } from "/format.js";
import { PoolView } from "/pools.js";
import { TreeView } from "/tree.js";

const $ = id => document.getElementById(id);

const SPANS = [60, 120, 300, 600, 1800, 3600];

// What the page keeps of the looks at each pool, by name.
const kept = new Map();
const tree = new TreeView($("tree"));
let look = -1;

function keepRows({ columns, pools, memory }, isContinued) {
  if (!isContinued)
    kept.clear();
  for (const pool of pools) {
    const rows = kept.get(pool.name) ?? Object.fromEntries(columns.map(name => [name, []]));
    kept.set(pool.name, rows);
    for (const row of pool.rows)
      columns.forEach((name, i) => rows[name].push(row[i]));
    for (const name of columns)
      rows[name].splice(0, rows[name].length - memory);
  }
}

// How much time plots show: in steps, so that they do not shrink all the time.
function spanOf({ memory, every_ms }) {
  const all = [...kept.values()].filter(rows => rows.at_ms.length);
  const longest = Math.max(0, ...all.map(rows => rows.at_ms.at(-1) - rows.at_ms[0]));
  const most = memory * every_ms;
  const step = SPANS.map(s => s * 1000).find(s => s >= longest - every_ms) ?? most;
  return Math.min(step, most);
}

function sum(pools, of) {
  return pools.reduce((total, pool) => total + of(pool), 0);
}

// Of the last looks, so that it can be read.
function callsPerSecond(name) {
  const rows = kept.get(name);
  const n = Math.min(rows.at_ms.length, 5);
  if (n < 2)
    return 0;
  const took = rows.at_ms.at(-1) - rows.at_ms.at(-n);
  const calls = column => rows[column].slice(1 - n).reduce((a, b) => a + b, 0);
  return (calls("succeeded") + calls("failed")) * 1000 / Math.max(took, 1);
}

function showTiles({ pools }) {
  const failed = sum(pools, pool => Object.values(pool.calls.failed).reduce((a, b) => a + b, 0));
  const succeeded = sum(pools, pool => pool.calls.succeeded);
  const lost = sum(pools, pool => pool.ever.lost);
  const runners = pools.flatMap(pool => pool.runners);
  const busy = runners.filter(({ state }) => state === "busy").length;
  const slots = sum(pools, pool => pool.now.runners * pool.max_concurrency);
  const slowest = pools.map(pool => pool.latency.p99_us).filter(us => us !== null);
  say($("tile-rate"), rate(sum(pools, ({ name }) => callsPerSecond(name))));
  say($("tile-rate-note"), slowest.length ? `p99 ${time(Math.max(...slowest))}, last minute` : "no call in the last minute");
  say($("tile-under-way"), count(sum(pools, pool => pool.calls.under_way)));
  say($("tile-under-way-note"), `${sum(pools, pool => pool.now.in_use)} of ${plural(slots, "slot")} in use`);
  const queued = sum(pools, pool => pool.now.queued);
  say($("tile-queued"), count(queued));
  say($("tile-queued-note"), queued === 1 ? "caller without a slot" : "callers without a slot");
  say($("tile-runners"), count(runners.length));
  say($("tile-runners-note"), `${busy} busy, ${sum(pools, pool => pool.now.booting)} booting`);
  say($("tile-failed"), count(failed));
  say($("tile-failed-note"), `of ${plural(succeeded + failed, "call")} that ended`);
  $("tile-failed").classList.toggle("bad", failed > 0);
  say($("tile-lost"), count(lost));
  say($("tile-lost-note"), `of ${plural(sum(pools, pool => pool.ever.boots), "boot")}`);
  $("tile-lost").classList.toggle("bad", lost > 0);
}

function show(state) {
  keepRows(state, state.since === look && look > 0);
  look = state.look;
  const { node, pools } = state;
  say($("node"), node.name);
  say($("about"), `pid ${node.pid}${state.tree ? ` · up ${age(state.tree.age_s)}` : ""}`);
  document.title = `${node.name} · flame`;
  showTiles(state);
  const span = spanOf(state);
  keep($("pools"), pools, ({ name }) => name, pool => {
    const view = new PoolView(pool);
    view.root.view = view;
    return view.root;
  }, (it, pool) => it.view.update(pool, kept.get(pool.name), { at_ms: state.at_ms, span }));
  $("no-pools").hidden = pools.length > 0;
  tree.update(state.tree);
}

function linked(state, text) {
  $("link").dataset.state = state;
  say($("link"), text);
}

function listen() {
  const source = new EventSource("/events");
  source.onmessage = ({ data }) => {
    linked("live", "live");
    show(JSON.parse(data));
  };
  source.onerror = () => {
    // Where the browser has given up, which it does on some errors.
    if (source.readyState === EventSource.CLOSED)
      setTimeout(listen, 2000);
    linked("lost", "connecting again");
  };
}

function chooseTheme() {
  const button = $("theme");
  const themes = ["auto", "light", "dark"];
  const apply = theme => {
    document.documentElement.dataset.theme = theme;
    say(button, `theme: ${theme}`);
  };
  let stored = null;
  try {
    stored = localStorage.getItem("theme");
  } catch {
    // The browser keeps nothing.
  }
  apply(themes.includes(stored) ? stored : "auto");
  button.addEventListener("click", () => {
    const next = themes[(themes.indexOf(document.documentElement.dataset.theme) + 1) % themes.length];
    apply(next);
    try {
      localStorage.setItem("theme", next);
    } catch {
      // It is for this time only, then.
    }
  });
}

chooseTheme();
listen();
