// Start: wording, session, theme, navigation. One page at a time fills <main>.

import { onSession, openSession, session, signIn, signOut } from "./api.js";
import { h, icon, say, toast } from "./dom.js";
import { deskPage } from "./desk.js";
import { keepPage } from "./dropping.js";
import { floorPage } from "./floor.js";
import { insightsPage } from "./insights.js";
import { connect, disconnect, linkState, on } from "./link.js";
import { fillStrings, loadStrings, t } from "./strings.js";
import { systemPage } from "./system.js";
import { areasPage } from "./editor.js";
import { notSent } from "./sending.js";
import { tryPage } from "./try.js";
import { showTheme, startTheme } from "./theme.js";

const byId = (id) => document.getElementById(id);
const PAGES = { floor: floorPage, desk: deskPage, insights: insightsPage, try: tryPage, system: systemPage };
let leavePage = null;
let unsaved = () => false; // on the page that was shown last: a form of it outlasts a sign-in
let place = null; // the hash of the page that is shown
let rights = null;
let version = null; // of the box that this page is of
let listens = null; // the session whose events are heard

function shown(page) {
  if (page === "try") return session.may.upload;
  if (page === "desk") return session.may.manage && session.store.staff;
  return page !== "insights" || (session.may.manage && session.store.insights);
}

function showTabs(current) {
  const pages = Object.keys(PAGES).filter(shown);
  byId("tabs").replaceChildren(
    ...pages.map((page) =>
      h("a", { href: `#/${page}`, "aria-current": page === current ? "page" : null }, icon(page), t(`nav.${page}`)),
    ),
  );
}

/** Whether the page that is shown may go: asks where something would be lost. */
function mayLeave() {
  if (!leavePage?.unsaved?.()) return true;
  if (!confirm(t(leavePage.sure))) return false;
  leavePage.drop();
  return true;
}

function follow() {
  if (location.hash === place) return;
  if (mayLeave()) route();
  else history.replaceState(null, "", place);
}

function route() {
  const moved = location.hash !== place;
  const isFirst = place === null;
  place = location.hash;
  const [page, part, camera] = place.replace(/^#\//, "").split("/");
  const name = page in PAGES && shown(page) ? page : "floor";
  if (session.may.read && renew(name)) return;
  leavePage?.();
  leavePage = null;
  const main = byId("main");
  byId("bar").hidden = !session.may.read;
  if (!session.may.read || page === "login") {
    showLogin(main);
    return;
  }
  showTabs(name);
  document.title = `${t(`nav.${name}`)} – ${session.store.name}`;
  leavePage = name === "system" && part === "areas" && camera ? areasPage(main, camera) : PAGES[name](main);
  unsaved = leavePage.unsaved ?? (() => false);
  if (!moved) return;
  scrollTo(0, 0);
  // The link that was pressed is drawn anew: a keyboard goes on where the new page begins.
  if (!isFirst && document.activeElement === document.body) main.focus({ preventScroll: true });
}

/** After an upgrade of the box take its new page, where nothing is lost by that. A screen on a wall is open for months. */
function renew(name) {
  const isBusy = name === "try" || unsaved() || notSent().length || document.querySelector("dialog[open]");
  if (session.version === version || isBusy) return false;
  location.reload();
  return true;
}

function showLogin(main) {
  document.title = t("login.title");
  const wrong = h("p", { class: "notice bad", role: "alert", hidden: true }, icon("warn"), h("span"));
  const token = h("input", { class: "input", id: "token", type: "password", autocomplete: "current-password", required: true, maxLength: 256 });
  const button = h("button", { class: "button main", type: "submit" }, t("login.enter"));
  const enter = async (event) => {
    event.preventDefault();
    button.disabled = wrong.hidden = true;
    try {
      await signIn(token.value);
      if (place === "#/login") location.hash = "#/floor";
    } catch (error) {
      say(wrong.lastChild, error.message);
      wrong.hidden = false;
      token.select();
    }
    button.disabled = false;
  };
  main.replaceChildren(
    h(
      "div",
      { class: "login" },
      h(
        "form",
        { class: "card", onsubmit: enter },
        h("div", { class: "brand" }, h("img", { src: "favicon.svg", alt: "", width: 40, height: 40 }), h("span", { class: "brand-name" }, h("b", {}, "make sales happen"), h("span", {}, session.store.name))),
        h("h1", {}, t("login.title")),
        h("p", { class: "soft" }, t("login.text")),
        h("div", { class: "field" }, h("label", { for: "token" }, t("login.token")), token),
        wrong,
        button,
      ),
    ),
  );
  token.focus();
}

function takeSession(found) {
  version ??= found.version;
  say(byId("store-name"), found.store.name);
  const leave = byId("leave");
  leave.hidden = !found.login_required;
  leave.replaceChildren(icon("leave"));
  leave.setAttribute("aria-label", t(found.signed_in ? "login.leave" : "login.enter"));
  const whose = found.may.read ? found.csrf : null;
  if (listens !== whose) {
    listens = whose;
    disconnect();
    if (whose) connect();
  }
  const now = JSON.stringify([found.may, found.signed_in]);
  if (rights !== now) {
    rights = now;
    route();
  } else if (found.may.read) renew(place.split("/")[1]);
}

function showLink() {
  const { up, silentMs } = linkState();
  byId("link").className = `pill link ${up ? "good" : "bad"}`;
  say(byId("link"), up ? t("link.up") : silentMs === null ? t("link.opening") : t("link.down"));
}

async function start() {
  await loadStrings();
  fillStrings(document);
  startTheme();
  keepPage();
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // what stands behind # is the page that is shown
    byId("main").focus();
  });
  byId("leave").addEventListener("click", () => {
    if (session.signed_in && !mayLeave()) return;
    if (session.signed_in) signOut().catch((error) => toast(error.message, { bad: true }));
    else location.hash = "#/login";
  });
  let asking = false;
  on("link", showLink);
  on("link", async ({ up, silentMs }) => {
    if (asking || !(up || silentMs > 4000)) return;
    asking = true;
    await openSession().catch(() => {});
    asking = false;
  });
  // The store's words before the first page: one that is built again loses what was typed and picked in it.
  for (;;) {
    try {
      await openSession();
      if (await loadStrings(session.store.locale)) {
        fillStrings(document);
        showTheme();
      }
      break;
    } catch {
      byId("main").replaceChildren(h("div", { class: "login" }, h("p", { class: "soft" }, t("link.opening"))));
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }
  onSession(takeSession);
  addEventListener("hashchange", follow);
  takeSession(session);
  showLink();
}

start();
