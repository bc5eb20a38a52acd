// The list of who to serve next.

import { announce, empty, h, icon, isStill, reconcile, reveal, say, toast } from "./dom.js";
import * as format from "./format.js";
import { send, session } from "./api.js";
import { boxNow } from "./link.js";
import { t, tOr } from "./strings.js";

export function keyOf(person) {
  return `${person.camera}/${person.id}`;
}

export class PeopleList {
  /** point: called with a person's key, or null, as pointer or keyboard goes over rows; pick: at a click. */
  constructor({ point, pick }) {
    this.calls = { point, pick };
    this.list = h("ol", { class: "people", "aria-label": t("floor.list") });
    this.none = empty("people", t("floor.none"), t("floor.none_text"));
    this.served = h("details", { class: "served-note soft small", hidden: true }, h("summary", { class: "number" }), h("ul"));
    this.servedRows = new Map();
    this.none.hidden = true; // until the box has said so
    this.summary = h("span", { class: "soft small number" }, t("link.opening"));
    this.node = h(
      "section",
      { class: "card next", "aria-labelledby": "next-title", tabIndex: -1 },
      h("div", { class: "card-head" }, h("h1", { id: "next-title" }, t("floor.title")), this.summary),
      this.list,
      this.none,
      this.served,
    );
    this.rows = new Map();
    this.gone = new Set();
    this.first = null;
  }

  /** Take the people, the next to serve first; `served`: those who have been, and are in view. */
  update(people, chosen, served) {
    const shown = people.filter((person) => !this.gone.has(person.key));
    for (const key of this.gone) if (!people.some((person) => person.key === key)) this.gone.delete(key);
    const before = new Map([...this.rows].map(([key, row]) => [key, row.node.offsetTop]));
    const nodes = new Map([...this.rows].map(([key, row]) => [key, row.node]));
    const focused = this.#focused();
    reconcile(this.list, nodes, shown, {
      key: (person) => person.key,
      make: (person) => {
        const row = new Row(person, this.calls, (key) => this.#leave(key));
        this.rows.set(person.key, row);
        return row.node;
      },
      update: (_, person) => this.rows.get(person.key).update(person, chosen),
    });
    for (const key of this.rows.keys()) if (!nodes.has(key)) this.rows.delete(key);
    for (const [key, row] of this.rows) slide(row.node, before.get(key));
    this.none.hidden = shown.length > 0;
    this.list.hidden = shown.length === 0;
    this.#keepFocus(focused);
    const away = shown.filter((person) => !person.visible).length;
    const inView = t("floor.count", { count: shown.length - away });
    say(this.summary, away ? `${inView}, ${t("floor.away", { count: away })}` : inView);
    this.#showServed(served);
    this.#tellFirst(shown[0]);
  }

  #showServed(served) {
    this.served.hidden = !served.length;
    say(this.served.firstChild, t("floor.served", { count: served.length }));
    const held = this.served.contains(document.activeElement);
    reconcile(this.served.lastChild, this.servedRows, served, { key: keyOf, make: servedRow, update: fillServed });
    if (held && !this.served.contains(document.activeElement)) (served.length ? this.served.firstChild : this.node).focus();
  }

  choose(chosen, scroll) {
    for (const [key, row] of this.rows) row.choose(key === chosen);
    if (scroll) reveal(this.rows.get(chosen)?.node);
  }

  #leave(key) {
    this.gone.add(key);
    const focused = this.#focused();
    this.rows.get(key)?.node.remove();
    this.rows.delete(key);
    this.calls.point(null);
    this.#keepFocus(focused);
    return () => this.gone.delete(key);
  }

  /** The place of the row with the keyboard's focus, -1 where none has it. */
  #focused() {
    return [...this.list.children].findIndex((node) => node.querySelector(":focus-visible"));
  }

  /** Give a focus that went with its row to the row in its place: to what opens it, which serves nobody. */
  #keepFocus(place) {
    if (place < 0 || this.list.contains(document.activeElement)) return;
    const row = this.list.children[Math.min(place, this.list.childElementCount - 1)];
    (row?.querySelector(".row-open") ?? this.node).focus();
  }

  #tellFirst(person) {
    const first = person && person.total.items_priced ? person.key : null;
    if (first !== this.first && first) {
      announce(t("floor.new_first", { total: format.money(person.total.amount_minor), where: place(person) }));
    }
    this.first = first;
  }
}

class Row {
  constructor(person, calls, leave) {
    this.key = person.key;
    this.leave = leave;
    this.open = h("button", { class: "row-open", type: "button", onclick: () => calls.pick(this.key, false) });
    this.rank = h("span", { class: "rank number", "aria-hidden": "true" });
    this.total = h("b", { class: "total number" });
    this.range = h("span", { class: "range number" });
    this.where = h("span", { class: "where" });
    this.times = h("span", { class: "times soft small number" });
    this.rules = h("span", { class: "rules" });
    this.items = h("ul", { class: "items" });
    this.sure = h("span", { class: "sure soft small" });
    this.lines = h("ul");
    this.why = h("details", { class: "why small" }, h("summary", {}, t("person.why")), this.lines);
    this.itemNodes = new Map();
    this.acts = h("div", { class: "acts" }, this.sure);
    if (session.may.act) this.acts.append(this.#actions());
    this.node = h(
      "li",
      { class: "person", onpointerenter: () => calls.point(this.key), onpointerleave: () => calls.point(null), onfocusin: () => calls.point(this.key), onfocusout: () => calls.point(null) },
      this.open,
      this.rank,
      h("div", { class: "figures" }, this.total, this.range),
      h("div", { class: "place" }, h("span", { class: "place-line" }, icon("pin"), this.where, this.rules), this.times),
      this.items,
      this.why,
      this.acts,
    );
  }

  #actions() {
    const served = h("button", { class: "button main", type: "button", onclick: () => this.#act("served") }, icon("check"), t("person.served"));
    const not = h("button", { class: "button quiet", type: "button", onclick: () => ask(true) }, t("person.not"));
    const really = h("button", { class: "button bad", type: "button", onclick: () => this.#act("not-customer") }, t("person.not_really"));
    const back = h("button", { class: "button quiet", type: "button", onclick: () => { ask(false); not.focus(); } }, t("back"));
    const ask = (asking) => {
      served.hidden = not.hidden = asking;
      really.hidden = back.hidden = !asking;
      if (asking) really.focus();
    };
    ask(false);
    return h("span", { class: "buttons" }, served, not, really, back);
  }

  async #act(what) {
    const { camera, id } = this.person;
    const back = this.leave(this.key);
    try {
      await send("POST", `/api/people/${camera}/${id}/${what}`);
      if (what === "served") toast(t("person.served_done", { where: place(this.person) }), { label: t("person.undo"), action: () => putBack(this.person, back) });
      else toast(t("person.not_done", { where: place(this.person) }));
    } catch (error) {
      if (error.status === 404) return;
      back();
      toast(error.message, { bad: true });
    }
  }

  update(person, chosen) {
    this.person = person;
    const priced = person.total.items_priced > 0;
    const known = person.items.length > 0;
    this.node.classList.toggle("top", person.rank === 1 && priced);
    this.node.classList.toggle("plain", !known);
    this.choose(person.key === chosen);
    say(this.rank, String(person.rank));
    say(this.total, worth(person));
    say(this.range, priced ? range(person.total) : "");
    say(this.where, place(person));
    say(this.times, times(person));
    this.open.setAttribute("aria-label", t("person.row", { rank: person.rank, total: this.total.textContent, where: place(person) }));
    this.rules.replaceChildren(...person.rules.map((rule) => h("span", { class: "pill gold plain" }, rule)));
    this.node.classList.toggle("away", !person.visible);
    say(this.sure, person.certainty < 0.995 ? t("person.sure", { part: format.percent(person.certainty) }) : "");
    this.why.hidden = !known;
    if (this.lines.textContent !== person.explain.join("")) this.lines.replaceChildren(...person.explain.map((line) => h("li", {}, line)));
    reconcile(this.items, this.itemNodes, format.byPrice(person.items), { key: (item) => item.slot, make: () => h("li"), update: fillItem });
  }

  choose(chosen) {
    this.node.classList.toggle("chosen", chosen);
    this.open.setAttribute("aria-pressed", chosen);
  }
}

export function worth({ total, items }) {
  return format.worth(total.amount_minor, total.items_priced > 0, items);
}

function range({ min_minor, max_minor }) {
  return min_minor === max_minor ? "" : [min_minor, max_minor].map((minor) => format.money(minor, { round: true })).join(" – ");
}

/** Somebody who has been served, until they have left: whoever finds it a mistake takes it back. */
function servedRow(person) {
  const undo = h("button", { class: "button quiet", type: "button", onclick: () => putBack(person) }, t("person.undo"));
  return h("li", {}, h("span", { class: "number" }), session.may.act ? undo : null);
}

function fillServed(node, person) {
  say(node.firstChild, whom(person));
  node.querySelector("button")?.setAttribute("aria-label", t("person.undo_of", { where: whom(person) }));
}

function whom(person) {
  return person.total.items_priced ? `${format.money(person.total.amount_minor)} · ${place(person)}` : place(person);
}

async function putBack(person, then = () => {}) {
  try {
    await send("POST", `/api/people/${person.camera}/${person.id}/not-served`);
    then();
    toast(t("person.undone", { where: place(person) }));
  } catch (error) {
    toast(error.message, { bad: true });
  }
}

function place(person) {
  const camera = format.title(person.camera);
  const zones = person.zones.filter((zone) => zone.now && zone.camera === person.camera);
  return zones.length ? `${zones.map((zone) => format.title(zone.id)).join(", ")} · ${camera}` : camera;
}

function times(person) {
  const here = person.visible
    ? t("person.here", { time: format.duration(person.dwell_ms) })
    : t("person.away", { time: format.duration(boxNow() - Date.parse(person.seen_at)) });
  return person.waiting_ms >= 1000 ? `${here} · ${t("person.waiting", { time: format.duration(person.waiting_ms) })}` : here;
}

/** Write one item into a list entry; nothing is touched where nothing has changed. */
export function fillItem(node, item) {
  const state = JSON.stringify(item);
  if (node.dataset.state === state) return;
  node.dataset.state = state;
  const price = item.price;
  const source = price ? [tOr(`source.${price.source}`, price.source), price.as_of ? format.day(price.as_of) : null] : [t("item.unpriced")];
  node.className = price ? "" : "unpriced";
  node.replaceChildren(
    h("span", { class: "item-name" }, format.itemName(item)),
    h("span", { class: "item-price number" }, price ? format.money(price.amount_minor) : "–"),
    h(
      "span",
      { class: "item-note soft small" },
      source.filter(Boolean).join(", "),
      price?.stale ? h("span", { class: "pill warn plain" }, t("item.stale")) : null,
      price?.estimate ? h("span", { class: "pill warn plain" }, t("item.estimate")) : null,
    ),
    h("span", { class: "item-sure soft small number", title: t("item.votes", { count: item.votes }) }, t("item.sure", { part: format.percent(item.confidence) })),
  );
}

function slide(node, from) {
  const by = from === undefined ? 0 : from - node.offsetTop;
  if (!by || isStill()) return;
  node.animate([{ transform: `translateY(${by}px)` }, { transform: "none" }], { duration: 260, easing: "ease-out" });
}
