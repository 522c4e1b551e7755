// The supervision tree, as a list of rows that can be folded and walked by keys.
import { element, keep, say } from "/dom.js";
import { age } from "/format.js";

const GOOD = new Set(["running", "ready", ""]);
const BAD = new Set(["silent", "severed", "wedged", "failed", "gone"]);

export class TreeView {
  constructor(root) {
    this.root = root;
    this.folded = new Set();
    this.current = null;
    root.addEventListener("keydown", event => this.pressed(event));
    root.addEventListener("click", event => {
      const row = event.target.closest(".entry");
      if (row)
        this.fold(row, !this.folded.has(row.key));
    });
    root.addEventListener("focusin", event => {
      this.current = event.target.closest(".entry")?.key ?? this.current;
      this.rove();
    });
  }

  update(tree) {
    this.tree = tree;
    this.rows = [];
    if (tree)
      this.collect(tree, "", 1);
    const before = [...this.root.children];
    const isFocused = this.root.contains(document.activeElement);
    keep(this.root, this.rows, row => row.key, row => this.create(row), (it, row) => this.fill(it, row));
    if (!this.rows.some(row => row.key === this.current))
      this.current = this.neighbour(before);
    this.rove();
    if (isFocused)
      [...this.root.children].find(it => it.key === this.current)?.focus({ preventScroll: true });
  }

  // Where to stand when what one stood on has gone: the row above it that is left.
  neighbour(before) {
    const at = before.findIndex(it => it.key === this.current);
    const left = before.slice(0, Math.max(at, 0)).filter(it => it.isConnected);
    return (left.at(-1) ?? this.root.firstChild)?.key ?? null;
  }

  // Names need not be unique among brothers.
  collect(entry, above, level) {
    let key = `${above}/${entry.kind}:${entry.name}`;
    while (this.rows.some(row => row.key === key))
      key += "'";
    this.rows.push({ key, entry, level });
    if (!this.folded.has(key))
      for (const child of entry.children)
        this.collect(child, key, level + 1);
  }

  create({ key, level }) {
    const it = element("div", "entry");
    it.key = key;
    it.setAttribute("role", "treeitem");
    it.setAttribute("aria-level", level);
    it.style.setProperty("--level", level - 1);
    for (const part of ["twisty", "kind", "name", "badge", "restarts", "facts", "age"])
      it.append(it[part] = element("span", part));
    return it;
  }

  fill(it, { key, entry }) {
    const isFolded = this.folded.has(key);
    if (entry.children.length)
      it.setAttribute("aria-expanded", String(!isFolded));
    else
      it.removeAttribute("aria-expanded");
    it.dataset.kind = entry.kind;
    say(it.kind, entry.kind);
    say(it.name, entry.name);
    say(it.badge, entry.state);
    it.badge.dataset.mood = GOOD.has(entry.state) ? "good" : BAD.has(entry.state) ? "bad" : "between";
    say(it.restarts, entry.restarts ? `${entry.restarts} restart${entry.restarts === 1 ? "" : "s"}` : "");
    const facts = entry.facts.map(([name, value]) => `${name} ${value}`);
    if (isFolded)
      facts.push(`${entry.children.length} folded`);
    say(it.facts, facts.join(" · "));
    say(it.age, entry.age_s ? age(entry.age_s) : "");
  }

  fold(row, yes) {
    if (!row.hasAttribute("aria-expanded") || yes === this.folded.has(row.key))
      return;
    if (yes)
      this.folded.add(row.key);
    else
      this.folded.delete(row.key);
    this.update(this.tree);
  }

  // One row can be reached by the tab key.
  rove() {
    for (const it of this.root.children)
      it.tabIndex = it.key === this.current ? 0 : -1;
  }

  pressed(event) {
    const all = [...this.root.children];
    const at = all.indexOf(event.target.closest(".entry"));
    if (at < 0 || event.ctrlKey || event.altKey || event.metaKey)
      return;
    const row = all[at];
    const level = it => Number(it.getAttribute("aria-level"));
    const isOpen = row.getAttribute("aria-expanded") === "true";
    let next = null;
    switch (event.key) {
      case "ArrowDown":
        next = all[at + 1];
        break;
      case "ArrowUp":
        next = all[at - 1];
        break;
      case "Home":
        next = all[0];
        break;
      case "End":
        next = all.at(-1);
        break;
      case "ArrowRight":
        if (isOpen)
          next = all[at + 1];
        else
          this.fold(row, false);
        break;
      case "ArrowLeft":
        if (isOpen)
          this.fold(row, true);
        else
          next = all.slice(0, at).reverse().find(it => level(it) < level(row));
        break;
      case "Enter":
      case " ":
        this.fold(row, isOpen);
        break;
      default:
        return;
    }
    event.preventDefault();
    next?.focus();
  }
}
