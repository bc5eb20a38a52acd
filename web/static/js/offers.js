// The card of a customer who is offered to a salesperson, or whom the salesperson attends.

import { h, icon } from "./dom.js";
import * as format from "./format.js";
import { t } from "./strings.js";

const OUTCOMES = ["sold", "browsing", "left"];
const LONG = 11; // letters of an amount that fit a small phone in the large type

/** Makes the cards, and keeps which customer's end is being told and what is typed there. */
export class OfferCards {
  #desk;
  #act;
  #show;
  #ending = null;
  #typed = "";

  /** desk: gives what the box last said; act(path, json, button): sends an answer; show: shows all anew. */
  constructor({ desk, act, show }) {
    this.#desk = desk;
    this.#act = act;
    this.#show = show;
  }

  isEnding(offer) {
    return offer !== undefined && offer === this.#ending;
  }

  /** Forget what was typed where its customer is no longer attended. */
  forgetEnd(taken) {
    if (taken.some((offer) => this.isEnding(offer.offer))) return;
    this.#ending = null;
    this.#typed = "";
  }

  card(offer) {
    const label = t(offer.accepted ? "staff.attending" : "staff.offer");
    return h("section", { class: offer.accepted ? "card attend" : "card offer", "aria-label": label, "data-offer": offer.offer, tabIndex: -1 },
      h("div", { class: "about" }),
      offer.accepted ? this.#attending(offer) : this.#answers(offer),
    );
  }

  about(offer) {
    if (offer.accepted) return [h("div", { class: "card-head" }, h("h1", {}, t("staff.attending"))), ...customer(offer)].filter(Boolean);
    const left = h("span", { class: "pill gold number", "data-until": offer.expires_at });
    return [h("div", { class: "card-head" }, h("h1", {}, t("staff.offer")), left), ...customer(offer), why(offer)].filter(Boolean);
  }

  #answers(offer) {
    const path = `/api/staff/offers/${offer.offer}`;
    const answer = (word) => (event) => this.#act(path, { answer: word }, event.currentTarget);
    return h("div", { class: "answers" },
      h("button", { class: "big", type: "button", "data-needs-box": "", "data-once": path, onclick: answer("decline") }, t("staff.decline")),
      h("button", { class: "big main", type: "button", "data-needs-box": "", "data-once": path, onclick: answer("accept") }, t("staff.accept")),
    );
  }

  #attending(offer) {
    if (this.isEnding(offer.offer)) return this.#endForm(offer);
    const begin = () => { this.#ending = offer.offer; this.#typed = ""; this.#show(); };
    return h("div", { class: "answers" }, h("button", { class: "big main", type: "button", "data-needs-box": "", onclick: begin }, t("staff.done")));
  }

  #endForm(offer) {
    const amount = h("input", { class: "input", id: "amount", type: "text", inputMode: "decimal", autocomplete: "off", maxLength: 14, value: this.#typed, oninput: () => { this.#typed = amount.value; wrong.hidden = true; } });
    const path = `/api/staff/offers/${offer.offer}/done`;
    const wrong = h("p", { class: "notice bad", role: "alert", hidden: true }, icon("warn"), h("span", {}, t("staff.amount_wrong", { example: format.decimal(129.9, this.#desk().digits) })));
    const end = (outcome) => (event) => {
      const minor = format.minorOf(amount.value, this.#desk().digits);
      wrong.hidden = outcome !== "sold" || minor !== undefined;
      if (!wrong.hidden) return;
      const json = outcome === "sold" && minor !== null ? { outcome, amount_minor: minor } : { outcome };
      this.#act(path, json, event.currentTarget);
    };
    return h("div", { class: "end" },
      h("div", { class: "field" }, h("label", { for: "amount" }, t("staff.amount", { currency: this.#desk().currency })), amount),
      wrong,
      h("div", { class: "outcomes" }, OUTCOMES.map((outcome) =>
        h("button", { class: outcome === "sold" ? "big main" : "big", type: "button", "data-needs-box": "", "data-once": path, onclick: end(outcome) }, t(`staff.${outcome}`)),
      )),
    );
  }
}

function customer(offer) {
  const place = [offer.zone && format.title(offer.zone), offer.camera && format.title(offer.camera)].filter(Boolean).join(" · ");
  const worth = format.value(offer);
  return [
    h("p", { class: worth.length > LONG ? "worth long number" : "worth number" }, worth),
    h("ul", { class: "worn" }, format.byPrice(offer.items).map((item) => h("li", {}, format.itemName(item)))),
    place ? h("p", { class: "place" }, icon("pin"), h("span", {}, place)) : null,
  ];
}

function why(offer) {
  const known = offer.knows.map((word) => {
    const item = offer.items.find((one) => one.brand === word);
    return item?.brand_text ?? (t(`type.${word}`) === `type.${word}` ? format.title(word) : t(`type.${word}`));
  });
  const parts = [h("span", { "data-since": offer.waiting_since })];
  if (known.length) parts.push(h("span", {}, t("staff.knows", { what: known.join(", ") })));
  if (offer.in_zone) parts.push(h("span", {}, t("staff.your_zone")));
  return h("p", { class: "why soft" }, parts);
}
