// Elements, made and kept.  Text only ever becomes text: nothing here or elsewhere in the page parses a string as HTML.

export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  set(node, attributes);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  set(node, attributes);
  node.append(...children);
  return node;
}

// What turns the letters after it around is shown as a sign: a name must not make a sentence say something else.
const TURNING = /[\u202a-\u202e\u2066-\u2069]/g;
const READ = new Set(["title", "aria-label"]);
const plain = (text) => String(text).replace(TURNING, "\ufffd");

// Touches only what differs, so that nothing is laid out anew in vain.
export function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") {
      const text = plain(value);
      if (node.textContent !== text) node.textContent = text;
    } else if (name.startsWith("on")) {
      node[name] = value;
    } else if (value === null || value === undefined || value === false) {
      if (node.hasAttribute(name)) node.removeAttribute(name);
    } else {
      const text = value === true ? "" : READ.has(name) ? plain(value) : String(value);
      if (node.getAttribute(name) !== text) node.setAttribute(name, text);
    }
  }
}

// A time of day as the reader's clock shows it; in short without its seconds.
export const timeOf = (at, style = "medium") => new Date(at * 1000).toLocaleTimeString([], { timeStyle: style, hourCycle: "h23" });

// Has in `parent` one child for each item, in their order; a child stays the same as long as its item's key does.
export function sync(parent, items, key, create, update) {
  const known = (parent.known ??= new Map());
  const kept = new Set(items.map(key));
  // What is gone goes first: a node that stays is then not moved, and what moves in it goes on.
  for (const [name, node] of known) {
    if (!kept.has(name)) {
      node.remove();
      known.delete(name);
    }
  }
  let at = parent.firstElementChild;
  for (const item of items) {
    const name = key(item);
    let node = known.get(name);
    if (!node) {
      node = create(item);
      known.set(name, node);
    }
    update(node, item);
    if (node === at) at = at.nextElementSibling;
    else parent.insertBefore(node, at);
  }
}
