// A salesperson's phone: sign in, state, the customer offered, and how it ended. One hand, one look.

import { onSession, openSession, send, session } from "./api.js";
import { announce, h, icon, reconcile, say, toast } from "./dom.js";
import * as format from "./format.js";
import { OfferCards } from "./offers.js";
import { beep, keepAwake, unlockSound } from "./signals.js";
import { fillStrings, loadStrings, t } from "./strings.js";
import { showTheme, startTheme } from "./theme.js";

const SILENCE_MS = 6000;
const RING_MS = 4000;
const STATES = { free: "check", busy: "people", break: "clock", off: "moon" };
const STATE = "/api/staff/state";
const byId = (id) => document.getElementById(id);

let desk = null;
let source = null; // none in a tab that leaves its connection to another
let since = 0;
let heardAt = 0;
let triedAt = 0;
let skew = 0;
let rungAt = 0;
let rung = null;
let entering = false;
const cards = new Map(); // what `main` holds while somebody is signed in, by what it is
const offerCards = new OfferCards({ desk: () => desk, act, show });
const asked = new Set(); // answers on their way, and those to offers that are still here: none is given twice

const up = () => Date.now() - heardAt < SILENCE_MS;
const boxNow = () => Date.now() + skew;

async function act(path, json, button) {
  if (!up()) {
    toast(t("staff.lost"), { bad: true });
    return;
  }
  const once = button.dataset.once;
  if (asked.has(once)) return;
  asked.add(once);
  showLink();
  try {
    await send("POST", path, { json });
    if (path === STATE) asked.delete(once); // a state is set again; an offer has one answer and one end
  } catch (error) {
    asked.delete(once);
    toast(error.code === "conflict" ? t("staff.over") : error.message, { bad: true });
  }
  showLink();
}

function hear(event) {
  heardAt = Date.now();
  const data = JSON.parse(event.data);
  if (data.at) skew = Date.parse(data.at) - heardAt;
  return data;
}

// A browser opens six connections to a box, for all tabs together: of those that nobody sees, the last one keeps its own.
const tabs = new BroadcastChannel(`msh-staff ${new URL(".", document.baseURI).pathname}`);
tabs.addEventListener("message", ({ data }) => {
  if (data.gone) {
    if (desk !== null && !source) listen();
  } else if (source && document.hidden && data.since > since) {
    source.close();
    source = null;
  }
});

function listen() {
  source?.close();
  triedAt = Date.now();
  since = performance.timeOrigin + performance.now();
  tabs.postMessage({ since });
  source = new EventSource("api/staff/events");
  source.addEventListener("desk", (event) => {
    desk = hear(event);
    show();
  });
  source.addEventListener("beat", (event) => {
    hear(event);
    showLink();
  });
  source.addEventListener("out", signedOut);
  source.addEventListener("bye", () => { heardAt = 0; listenSoon(); });
  source.addEventListener("error", () => { if (source.readyState === EventSource.CLOSED) listenSoon(); });
}

/** An event source gives up on any answer but 200: sign in anew, or try again. */
function listenSoon() {
  source?.close();
  showLink();
  setTimeout(async () => {
    try {
      await begin();
    } catch (error) {
      if (error.status === 404) signedOut();
      else listenSoon();
    }
  }, 1500);
}

function signedOut() {
  source?.close();
  source = null;
  desk = null;
  open();
}

/** Begin, however often it has to be tried; until then say what is missing. */
async function open() {
  for (;;) {
    try {
      await openSession();
      // Before anything is shown: what is built again loses a name that was pressed and a PIN.
      if (await loadStrings(session.store.locale)) {
        fillStrings(document);
        showTheme();
      }
      await begin();
      return;
    } catch (error) {
      showAway(error.status === 404);
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }
}

async function begin() {
  await openSession();
  const found = await send("GET", "/api/staff");
  heardAt = Date.now();
  if (found.me === null) {
    desk = null;
    showNames(found.names);
    return;
  }
  desk = found;
  show();
  listen();
}

// What is shown

function showLink() {
  const lost = desk !== null && !up();
  byId("link").className = `pill link ${lost ? "bad" : "good"}`;
  say(byId("link"), t(lost ? "staff.lost_short" : "link.up"));
  byId("link").hidden = desk === null;
  byId("lost").hidden = !lost;
  if (lost) say(byId("lost"), t("staff.lost"));
  document.body.classList.toggle("offline", lost);
  for (const button of document.querySelectorAll("[data-needs-box]")) {
    const isOff = lost || asked.has(button.dataset.once);
    if (isOff && button === document.activeElement) focus(button.closest("[tabindex]")); // what is disabled loses it
    button.disabled = isOff;
  }
}

/** Show that nobody is signed in and nobody can be: the box is away, or its store has no staff. */
function showAway(isEmpty) {
  showNobody();
  byId("link").className = "pill link bad";
  say(byId("link"), t("staff.lost_short"));
  byId("link").hidden = isEmpty;
  byId("main").replaceChildren(h("section", { class: "idle away" }, icon("warn"), h("h1", {}, t(isEmpty ? "staff.none" : "staff.lost_short")), h("p", { class: "soft" }, t(isEmpty ? "staff.none_text" : "staff.lost"))));
}

function showNobody() {
  keepAwake(false);
  byId("states").hidden = byId("leave").hidden = true;
  say(byId("who"), "make sales happen");
  cards.clear();
  showLink();
}

function showNames(names) {
  showNobody();
  const pick = (one) => (one.pin ? showPin(one.name, names) : signIn(one.name));
  byId("main").replaceChildren(
    h("section", { class: "names" },
      h("h1", {}, t("staff.who")),
      names.length
        ? h("div", { class: "name-grid" }, names.map((one) => h("button", { class: "big", type: "button", onclick: () => pick(one) }, one.name)))
        : h("p", { class: "soft" }, t("staff.no_names"), " ", h("a", { href: "./#/login" }, t("login.enter"))),
    ),
  );
}

function showPin(name, names) {
  const wrong = h("p", { class: "notice bad", role: "alert", hidden: true }, icon("warn"), h("span"));
  const pin = h("input", { class: "input pin", id: "pin", type: "password", inputMode: "numeric", autocomplete: "off", pattern: "[0-9]*", maxLength: 12, required: true });
  const enter = async (event) => {
    event.preventDefault();
    wrong.hidden = true;
    try {
      await signIn(name, pin.value);
    } catch (error) {
      say(wrong.lastChild, error.code === "wrong_pin" ? t("staff.wrong_pin") : error.code === "too_many" ? t("staff.too_many") : error.message);
      wrong.hidden = false;
      pin.value = "";
      pin.focus();
    }
  };
  byId("main").replaceChildren(
    h("form", { class: "names", onsubmit: enter },
      h("h1", {}, name),
      h("div", { class: "field" }, h("label", { for: "pin" }, t("staff.pin")), pin),
      wrong,
      h("button", { class: "big main", type: "submit" }, t("login.enter")),
      h("button", { class: "big quiet", type: "button", onclick: () => showNames(names) }, t("staff.back")),
    ),
  );
  pin.focus();
}

async function signIn(name, pin) {
  unlockSound();
  if (entering) return; // a second tap would sign a second phone in, or count as another guess
  entering = true;
  try {
    await send("POST", "/api/staff/session", { json: pin === undefined ? { name } : { name, pin } });
    await begin();
  } catch (error) {
    if (pin !== undefined) throw error;
    toast(error.message, { bad: true });
  } finally {
    entering = false;
  }
}

async function leave() {
  source?.close();
  source = null;
  try {
    await send("DELETE", "/api/staff/session");
    await begin();
  } catch (error) {
    toast(error.message, { bad: true });
    listen();
  }
}

function show() {
  const { me, offers } = desk;
  if (me === null) return;
  forgetAnswers(offers);
  say(byId("who"), me.name);
  byId("states").hidden = byId("leave").hidden = false;
  showStates(me);
  const open = offers.filter((offer) => !offer.accepted);
  const taken = offers.filter((offer) => offer.accepted);
  offerCards.forgetEnd(taken);
  showCards(open.length + taken.length ? [...open, ...taken] : [me]);
  ring(open);
  keepAwake(me.state === "free");
  showLink();
  tick();
}

/** Show the offers, or what somebody without any is to do. What is being pressed or typed in stays as it is. */
function showCards(entries) {
  const main = byId("main");
  if (!cards.size) main.replaceChildren();
  const held = document.activeElement?.closest(".card")?.dataset.offer;
  reconcile(main, cards, entries, {
    key: ({ offer, accepted, state }) => [offer, accepted, offerCards.isEnding(offer), state].join(),
    make: (one) => (one.offer ? offerCards.card(one) : idle(one)),
    update: (node, one) => node.querySelector(".about")?.replaceChildren(...offerCards.about(one)),
  });
  if (held && !main.contains(document.activeElement)) focus(main.querySelector(`[data-offer="${held}"]`) ?? main);
}

function focus(node) {
  node.focus({ preventScroll: true });
}

/** An offer that is over is forgotten: a box that has lost its file counts from 1 again. */
function forgetAnswers(offers) {
  const here = new Set(offers.map((offer) => String(offer.offer)));
  for (const path of asked) {
    const number = /\/offers\/(\d+)/.exec(path)?.[1];
    if (number && !here.has(number)) asked.delete(path);
  }
}

function showStates(me) {
  const bar = byId("states");
  if (!bar.childElementCount) {
    bar.setAttribute("aria-label", t("staff.states"));
    bar.tabIndex = -1;
    bar.append(...Object.entries(STATES).map(([state, sign]) =>
      h("button", { type: "button", "data-state": state, "data-needs-box": "", "data-once": state, onclick: (event) => act(STATE, { state }, event.currentTarget) }, icon(sign), h("span", {}, t(`staff.${state}`))),
    ));
  }
  for (const button of bar.children) button.setAttribute("aria-pressed", String(button.dataset.state === me.state));
}

function idle(me) {
  return h("section", { class: "idle" }, icon(STATES[me.state]), h("h1", {}, t(`staff.${me.state}`)), h("p", { class: "soft" }, t(`staff.${me.state}_text`)));
}

function tick() {
  for (const node of document.querySelectorAll("[data-until]")) {
    say(node, format.duration(Math.max(0, Date.parse(node.dataset.until) - boxNow())));
  }
  for (const node of document.querySelectorAll("[data-since]")) {
    say(node, t("staff.waits", { time: format.duration(boxNow() - Date.parse(node.dataset.since)) }));
  }
}

// What is heard and felt

function ring(open) {
  const newest = open.at(-1)?.offer ?? null;
  if (newest === null) {
    rung = null;
    return;
  }
  if (newest !== rung) announce(`${t("staff.offer")}: ${format.value(open.at(-1))}`);
  if (newest === rung && Date.now() - rungAt < RING_MS) return;
  rung = newest;
  rungAt = Date.now();
  if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.([250, 120, 250]);
  beep();
}

async function start() {
  await loadStrings();
  fillStrings(document);
  startTheme();
  byId("leave").replaceChildren(icon("leave"));
  byId("leave").setAttribute("aria-label", t("login.leave"));
  byId("leave").addEventListener("click", leave);
  // A finger counts as it leaves the glass; iPhones click buttons alone, and keys have no pointer.
  for (const kind of ["pointerup", "click"]) document.addEventListener(kind, unlockSound);
  onSession(({ store }) => {
    say(byId("store-name"), store.name);
    document.title = `${t("staff.title")} – ${store.name}`;
  });
  navigator.serviceWorker?.register("staff-worker.js", { scope: "staff" }).catch(() => {});
  setInterval(() => {
    if (desk === null) return;
    tick();
    showLink();
    // After a power cut of the box TCP would notice in minutes. A closed one is asked for again already.
    const open = source && source.readyState !== EventSource.CLOSED;
    if (open && Date.now() - Math.max(heardAt, triedAt) > SILENCE_MS) listen();
    if (source && up()) ring(desk.offers.filter((offer) => !offer.accepted));
  }, 500);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden || desk === null) return;
    keepAwake(desk.me?.state === "free"); // the browser lets go of it while the page is hidden
    if (!source || !up()) listen();
  });
  addEventListener("pagehide", () => source && tabs.postMessage({ gone: true }));
  open();
}

start();
