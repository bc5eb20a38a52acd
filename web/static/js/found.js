// Tables of the people in a picture, a video or a webcam picture.

import { h } from "./dom.js";
import * as format from "./format.js";
import { t, tOr } from "./strings.js";

/** Return one block per person, and what was seen on nobody beside them. kind: "image" or "video", where it was looked for. */
export function foundTable(persons, kind, unworn = []) {
  const beside = unworn.length ? h("p", { class: "soft" }, t("found.unworn", { things: unworn.map(named).join(", ") })) : null;
  if (!persons.length) return h("div", { class: "found none" }, h("p", {}, t(`job.nobody_${kind}`)), beside);
  return h(
    "div",
    { class: "found" },
    h("h3", {}, t("found.title", { count: persons.length })),
    ...persons.map((person, index) => block(person, index + 1)),
    beside,
  );
}

function named(one) {
  return one.type ? format.itemName(one) : one.brand;
}

function block(person, number) {
  const seen = person.last_s === undefined ? "" : t("found.seen", { from: format.decimal(person.first_s), to: format.decimal(person.last_s) });
  const caption = h("caption", {}, h("span", {}, t("found.person", { number })), h("span", { class: "soft small number" }, seen));
  if (!person.items.length) {
    return h("table", {}, caption, h("tbody", {}, h("tr", {}, h("td", { class: "soft" }, t("found.nothing")))));
  }
  const heads = ["item", "source", "sure", "price"].map((name) => h("th", { scope: "col", class: name }, t(`found.${name}`)));
  return h(
    "table",
    {},
    caption,
    h("thead", {}, h("tr", {}, heads)),
    h("tbody", {}, format.byPrice(person.items).map(line)),
    h("tfoot", {}, h("tr", {}, h("th", { scope: "row", colSpan: 3 }, t("found.total")), h("td", { class: "price number" }, sum(person.total)))),
  );
}

function line(item) {
  const price = item.price;
  const source = price ? tOr(`source.${price.source}`, price.source) : "";
  return h(
    "tr",
    {},
    h("th", { scope: "row", class: "item" }, format.itemName(item)),
    h("td", { class: "source soft" }, source),
    h("td", { class: "sure soft number" }, format.percent(item.confidence)),
    h("td", { class: "price number" }, price ? format.money(price.amount_minor) : h("span", { class: "soft" }, t("found.unpriced"))),
  );
}

function sum(total) {
  return h("b", {}, total.items_priced ? format.money(total.amount_minor) : "–");
}
