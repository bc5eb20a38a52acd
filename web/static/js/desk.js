// The manager's page: who of the staff does what, which offers are open, who waits, who waits too long.

import { send } from "./api.js";
import { empty, h, icon, pill, reconcile, say, toast } from "./dom.js";
import * as format from "./format.js";
import { boxNow, linkState, on } from "./link.js";
import { t } from "./strings.js";

const STATES = ["free", "busy", "break", "off"];
const KIND = { free: "good", busy: "gold", break: "warn", off: "plain" };

export function deskPage(main) {
  let newest = null;
  let drawn = "";
  const members = new Map();
  const rows = new Map();
  const late = new Map();
  const lost = h("div", { class: "notice bad", role: "alert", hidden: true }, icon("warn"), h("span", {}, t("desk.lost")));
  const summary = h("p", { class: "number" });
  const alarms = h("div", { class: "desk-alarms" });
  const staff = h("div", { class: "desk-staff" });
  const offers = h("ul", { class: "desk-list" });
  const waiting = h("ul", { class: "desk-list" });
  const phones = h("a", { href: "staff", class: "button" }, icon("people"), t("desk.phone"));
  main.replaceChildren(
    h("div", { class: "page" },
      h("div", { class: "page-head" }, h("h1", {}, t("nav.desk")), phones, summary),
      lost,
      alarms,
      h("div", { class: "desk" },
        h("section", { class: "card", "aria-labelledby": "desk-staff" }, h("div", { class: "card-head" }, h("h2", { id: "desk-staff" }, t("desk.staff"))), staff),
        h("section", { class: "card", "aria-labelledby": "desk-waiting" }, h("div", { class: "card-head" }, h("h2", { id: "desk-waiting" }, t("desk.waiting"))), waiting),
        h("section", { class: "card", "aria-labelledby": "desk-offers" }, h("div", { class: "card-head" }, h("h2", { id: "desk-offers" }, t("desk.offers"))), offers),
      ),
    ),
  );

  const act = async (path, json, said) => {
    try {
      await send("POST", path, { json });
      if (said) toast(said);
      return true;
    } catch (error) {
      toast(error.code === "conflict" ? t("desk.over") : error.message, { bad: true });
      return false;
    }
  };

  const show = () => {
    const now = JSON.stringify(newest);
    if (now === drawn) return;
    drawn = now;
    const escalated = newest.waiting.filter((one) => one.escalated);
    say(summary, t("desk.unattended", { value: format.money(newest.unattended.amount_minor), count: newest.waiting.length }));
    // Nodes stay: an alert would be told again, and a list that the manager has opened would close.
    reconcile(alarms, late, escalated, {
      key: (one) => one.customer,
      make: () => h("div", { class: "notice bad", role: "alert" }, icon("warn"), h("span")),
      update: (node, one) => say(node.lastChild, t("desk.escalated", { value: format.money(one.value.amount_minor), place: placeOf(one) })),
    });
    reconcile(staff, members, newest.staff, {
      key: (one) => one.name,
      make: (one) => member(one.name, act),
      update: (node, one) => node.take(one),
    });
    offers.replaceChildren(...(newest.offers.length ? newest.offers.map(offerRow) : [h("li", {}, empty("check", t("desk.no_offers"), ""))]));
    const free = newest.staff.filter((one) => one.state === "free");
    reconcile(waiting, rows, newest.waiting.length ? newest.waiting : [null], {
      key: (one) => one?.customer ?? "",
      make: (one) => (one ? waitingRow(act) : h("li", {}, empty("people", t("desk.nobody"), ""))),
      update: (node, one) => { if (one) node.take(one, free); },
    });
  };

  const tick = () => {
    const { up, silentMs } = linkState();
    lost.hidden = up || silentMs === null;
    for (const node of main.querySelectorAll("[data-since]")) say(node, format.duration(boxNow() - Date.parse(node.dataset.since)));
    for (const node of main.querySelectorAll("[data-until]")) say(node, format.duration(Math.max(0, Date.parse(node.dataset.until) - boxNow())));
  };

  const take = (desk) => {
    newest = desk;
    show();
    tick();
  };
  const ends = [on("desk", take), on("link", tick)];
  const timer = setInterval(tick, 1000);
  return () => {
    ends.forEach((end) => end());
    clearInterval(timer);
  };
}

function placeOf(one) {
  return [one.zone && format.title(one.zone), one.camera && format.title(one.camera)].filter(Boolean).join(" · ") || t("desk.not_in_view");
}

/** Keys open a list that acts on each choice: on a closed one every arrow and letter would be an order. */
function openFirst(event) {
  const { key, currentTarget: list } = event;
  if (event.altKey || event.ctrlKey || event.metaKey || !list.showPicker) return;
  if (key.length > 1 && !/^(Arrow|Page|Home|End)/.test(key)) return;
  event.preventDefault();
  list.showPicker();
}

/** One of the staff; `take` of the node shows what is new. */
function member(name, act) {
  let one = null;
  const set = async (event) => {
    if (!(await act("/api/desk/state", { name, state: event.target.value }))) choice.value = one.said;
  };
  const choice = h("select", { class: "input", id: `state-${name}`, "aria-label": t("desk.state_of", { name }), onkeydown: openFirst, onchange: set },
    STATES.map((state) => h("option", { value: state }, t(`staff.${state}`))));
  const languages = h("span", { class: "soft small languages" });
  const state = h("span");
  const since = h("span", { class: "soft small number" });
  const phones = h("span", { class: "soft small" });
  const leave = h("button", { class: "button quiet", type: "button", "aria-label": t("desk.sign_out", { name }), title: t("desk.sign_out", { name }), onclick: () => act("/api/desk/sign-out", { name }, t("desk.signed_out", { name })) }, icon("leave"));
  const pin = h("button", { class: "button quiet", type: "button", id: `pin-${name}`, "aria-label": t("desk.pin_of", { name }), title: t("desk.pin_of", { name }), onclick: () => askPin(one, act) }, icon("key"));
  const node = h("div", { class: "desk-member" }, h("b", {}, name, languages), state, since, choice, phones, h("span", { class: "desk-buttons" }, pin, leave));
  node.take = (newest) => {
    if (newest.said !== one?.said) choice.value = newest.said;
    one = newest;
    say(languages, one.languages.map(format.languageName).join(", "));
    languages.hidden = !one.languages.length;
    state.className = `pill ${KIND[one.state]}`;
    say(state, t(`staff.${one.state}`));
    if (one.since) since.dataset.since = one.since;
    else delete since.dataset.since;
    say(phones, t("desk.phones", { count: one.phones }));
    leave.hidden = !one.signed_in;
  };
  return node;
}

/** Ask for a new PIN; the box keeps a hash of it and signs the phones of this name out. */
function askPin(one, act) {
  const field = h("input", { class: "input number", id: "new-pin", type: "text", inputMode: "numeric", autocomplete: "off", pattern: "[0-9]{4,12}", minLength: 4, maxLength: 12, required: true, "aria-describedby": "new-pin-help" });
  const end = () => { dialog.close(); dialog.remove(); document.getElementById(`pin-${one.name}`)?.focus(); };
  const set = async (pin) => {
    end();
    const is_done = await act("/api/desk/pin", { name: one.name, pin }, t(pin ? "desk.pin_set" : "desk.pin_removed", { name: one.name }));
    if (is_done && pin) one.pin = "page"; // before the box tells it: who asks at once may remove it
  };
  const dialog = h("dialog", { class: "card dialog", "aria-labelledby": "new-pin-title", oncancel: (event) => { event.preventDefault(); end(); } },
    h("form", { onsubmit: (event) => { event.preventDefault(); set(field.value); } },
      h("h2", { id: "new-pin-title" }, t("desk.pin_of", { name: one.name })),
      h("label", { for: "new-pin" }, t("desk.pin_new")),
      field,
      h("p", { class: "soft small", id: "new-pin-help" }, t("desk.pin_help")),
      h("div", { class: "dialog-buttons" },
        h("button", { class: "button main", type: "submit" }, t("desk.pin_save")),
        one.pin === "page" ? h("button", { class: "button", type: "button", onclick: () => set(null) }, t("desk.pin_remove")) : null,
        h("button", { class: "button quiet", type: "button", onclick: end }, t("desk.pin_cancel")),
      ),
    ),
  );
  document.querySelector("main > .page").append(dialog); // it goes with its page: it would cover the next, and the sign-in
  dialog.showModal();
  field.focus();
}

function what(one) {
  return [
    h("b", { class: "number" }, format.value(one)),
    h("span", { class: "soft small" }, [format.byPrice(one.items).map(format.itemName).join(", "), placeOf(one)].filter(Boolean).join(" · ")),
  ];
}

function offerRow(offer) {
  return h("li", { class: "desk-row" },
    ...what(offer),
    h("span", { class: offer.accepted ? "pill good" : "pill gold" }, t(offer.accepted ? "desk.attends" : "desk.asked", { name: offer.seller })),
    h("span", { class: "soft small number", [offer.accepted ? "data-since" : "data-until"]: offer.accepted ? offer.at : offer.expires_at }),
  );
}

/** A customer who waits; `take` of the node shows what is new. */
function waitingRow(act) {
  let one = null;
  let names = "";
  const send = async (event) => {
    const name = event.target.value;
    if (name && !(await act("/api/desk/attend", { name, camera: one.camera, person: one.person }))) choice.value = "";
  };
  const choice = h("select", { class: "input", "aria-label": t("desk.send"), onkeydown: openFirst, onchange: send });
  const node = h("li", {}, choice);
  node.take = (newest, free) => {
    one = newest;
    node.className = one.escalated ? "desk-row late" : "desk-row";
    while (node.firstChild !== choice) node.firstChild.remove();
    const notNow = { unseen: t("desk.unseen"), perhaps_attended: t("desk.perhaps_attended") }[one.not_now];
    choice.before(
      ...what(one),
      one.escalated ? pill("bad", t("desk.late")) : one.offered_to ? pill("gold", t("desk.asked", { name: one.offered_to })) : h("span"),
      h("span", { class: "soft small number", "data-since": one.waiting_since }),
      ...(notNow ? [h("span", { class: "soft small desk-note" }, notNow)] : []),
      ...(one.kept ? [h("span", { class: "soft small desk-note" }, t("desk.kept"))] : []),
    );
    choice.hidden = !(one.person && free.length);
    const now = JSON.stringify(free.map(({ name, languages }) => [name, languages]));
    if (now === names) return;
    names = now;
    choice.replaceChildren(h("option", { value: "" }, t("desk.send")), ...free.map(({ name, languages }) => h("option", { value: name }, languages.length ? `${name} (${languages.map(format.languageName).join(", ")})` : name)));
  };
  return node;
}
