// Elements, icons and messages. Nothing here writes HTML text, so nothing that comes in can become markup.

import { t } from "./strings.js";

const SVG = "http://www.w3.org/2000/svg";
const ICONS = {
  floor: "M3 20V9l9-5 9 5v11M8 20v-6h8v6",
  try: "M12 4v10M8 8l4-4 4 4M4 15v3a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2v-3",
  desk: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2.5 19c0-3 2.3-5 5.5-5 1.6 0 3 .5 4 1.5M14 16l2.5 2.5L21.5 13",
  insights: "M4 20V4M4 20h16M8.5 16v-4M13 16V8M17.5 16v-6",
  system: "M4 7h10M18 7h2M4 17h2M10 17h10M16 4.8v4.4M8 14.8v4.4",
  camera: "M3 8h3l2-3h8l2 3h3v11H3zM12 16.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z",
  webcam: "M12 15a5 5 0 1 0 0-10 5 5 0 0 0 0 10zM12 11v-.01M8 20l1.5-5M16 20l-1.5-5M6 20h12",
  check: "M5 12.5l4.5 4.5L19 7.5",
  close: "M6 6l12 12M18 6L6 18",
  sun: "M12 16.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM12 2v2M12 20v2M4 12H2M22 12h-2M5 5l1.4 1.4M17.6 17.6L19 19M5 19l1.4-1.4M17.6 6.4L19 5",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
  auto: "M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18",
  leave: "M14 4H6v16h8M10 12h11M17.5 8.5L21 12l-3.5 3.5",
  warn: "M12 4L2.8 20h18.4zM12 10v4.5M12 17.2v.1",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7.5V12l3 2",
  pin: "M12 21s7-6.2 7-11.5a7 7 0 0 0-14 0C5 14.8 12 21 12 21zM12 12a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
  upload: "M12 16V5M7.5 9.5L12 5l4.5 4.5M4 19h16",
  download: "M12 4v11M7.5 10.5L12 15l4.5-4.5M4 19h16",
  bin: "M5 7h14M10 7V4.5h4V7M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5",
  people: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM3 20c0-3.5 2.5-6 6-6s6 2.5 6 6M16 4.5a3.5 3.5 0 0 1 0 6.5M17.5 14.5c2.200.8 3.5 2.800 3.5 5.5",
  play: "M8 5l11 7-11 7z",
  stop: "M7 7h10v10H7z",
  pen: "M4 20l1-4.5L16 4.5l3.5 3.5L8.5 19zM13.5 7l3.5 3.5",
  again: "M20 5v5h-5M4 19v-5h5M19 10a7.5 7.5 0 0 0-13.5-2.5M5 14a7.5 7.5 0 0 0 13.5 2.5",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  plus: "M12 5v14M5 12h14",
  key: "M14.5 13a4.5 4.5 0 1 0-4-2.4L4 17v3h3l1.5-1.5V17H10l2-2.200A4.500 4.500 0 0 0 14.500 13zM15.500 8.500v-.01",
  film: "M4 5h16v14H4zM8 5v14M16 5v14M4 9.5h4M4 14.5h4M16 9.5h4M16 14.5h4",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 2.5-2.5L20 17M15 9.5v-.01",
  large: "M14 4h6v6M20 4l-7 7M10 20H4v-6M4 20l7-7",
};

/** Return an element. Properties beginning with "on" are listeners; `class` and attributes as in HTML. */
export function h(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else if (name in node && name !== "list") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function icon(name) {
  const node = document.createElementNS(SVG, "svg");
  node.setAttribute("viewBox", "0 0 24 24");
  node.setAttribute("class", "icon");
  node.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  node.append(path);
  return node;
}

export function svg(tag, attributes = {}) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

/** Write text only where it differs: a screen reader is told of every write into a live region. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Whether who reads wants nothing to move by itself. */
export function isStill() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** Scroll until the node is in sight. */
export function reveal(node) {
  node?.scrollIntoView({ block: "nearest", behavior: isStill() ? "instant" : "smooth" });
}

export function pill(kind, text) {
  return h("span", { class: `pill ${kind}` }, text);
}

export function notice(kind, text, sign = "warn") {
  return h("div", { class: `notice ${kind}` }, icon(sign), h("span", {}, text));
}

export function empty(sign, title, text) {
  return h("div", { class: "empty" }, icon(sign), h("b", {}, title), h("p", {}, text));
}

/** Show a message for some seconds; one with an action stays longer, and while somebody is about to press it. */
export function toast(text, { bad = false, action = null, label = "" } = {}) {
  const node = h("div", { class: bad ? "toast bad" : "toast" }, h("span", {}, text));
  const end = () => {
    const held = node.contains(document.activeElement);
    node.remove();
    if (held) document.getElementById("main").focus({ preventScroll: true });
  };
  const fade = () => (node.matches(":hover, :focus-within") ? setTimeout(fade, 1000) : end());
  node.append(
    action
      ? h("button", { type: "button", onclick: () => { end(); action(); } }, label)
      : h("button", { type: "button", "aria-label": t("close"), onclick: end }, "×"),
  );
  const shelf = document.getElementById("toasts");
  while (shelf.childElementCount > 2) shelf.firstElementChild.remove();
  shelf.append(node);
  setTimeout(fade, bad || action ? 9000 : 4500);
}

/** Fill a live region; the same words are left alone, as by `say`. */
export function fill(region, ...nodes) {
  if (region.textContent !== nodes.map((node) => node.textContent).join("")) region.replaceChildren(...nodes);
}

/** Have the browser ask before the page goes. Chrome before 119 looks at the value alone. */
export function askFirst(event) {
  event.preventDefault();
  event.returnValue = true;
}

let isSaying = false;

/** Tell a screen reader of what has just happened, in the words of before, too; of several things at once, of each. */
export function announce(text) {
  const region = document.getElementById("announcer");
  if (!isSaying) {
    region.replaceChildren();
    setTimeout(() => { isSaying = false; });
  }
  isSaying = true;
  region.append(h("span", {}, text), " ");
}

/** Make `parent` hold one node per entry, in order, keeping the nodes of known keys. */
export function reconcile(parent, nodes, entries, { key, make, update }) {
  const wanted = new Set(entries.map(key));
  for (const [known, node] of nodes) {
    if (!wanted.has(known)) {
      node.remove();
      nodes.delete(known);
    }
  }
  let place = parent.firstElementChild;
  for (const entry of entries) {
    let node = nodes.get(key(entry));
    if (!node) {
      node = make(entry);
      nodes.set(key(entry), node);
    }
    update(node, entry);
    if (node !== place && node.contains(document.activeElement)) {
      // What is moved loses the focus, and an open list closes: the others move instead.
      while (place && place !== node) {
        const next = place.nextElementSibling;
        parent.append(place);
        place = next;
      }
    }
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
  }
}
