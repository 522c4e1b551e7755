// What the parts of the page have in common.

const SVG = "http://www.w3.org/2000/svg";

// element("p", "class names", "text", child...)
export function element(name, classes = "", ...content) {
  const result = document.createElement(name);
  if (classes)
    result.className = classes;
  result.append(...content);
  return result;
}

export function shape(name, attributes = {}, ...content) {
  const result = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes))
    result.setAttribute(key, value);
  result.append(...content);
  return result;
}

// Writes a text only where it has changed: a selection stays, and nothing is
// laid out again.
export function say(where, text) {
  if (where.textContent !== text)
    where.textContent = text;
}

// Lets `container` have one element for each of `items`, in their order. An
// element is made once for each key, and kept.
//
//   create(item) -> element;  update(element, item);  leave(element)
export function keep(container, items, keyOf, create, update, leave = gone => gone.remove()) {
  const known = container.known ??= new Map();
  const seen = new Set();
  let last = null;
  for (const item of items) {
    const key = keyOf(item);
    seen.add(key);
    let it = known.get(key);
    if (!it) {
      it = create(item);
      known.set(key, it);
    }
    update(it, item);
    const place = last ? last.nextSibling : container.firstChild;
    if (it !== place)
      container.insertBefore(it, place);
    last = it;
  }
  for (const [key, it] of known)
    if (!seen.has(key)) {
      known.delete(key);
      leave(it);
    }
}
