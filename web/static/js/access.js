// The access log, for managers: who signed in, watched, took away, or changed something.

import { send } from "./api.js";
import { h, icon, notice } from "./dom.js";
import * as format from "./format.js";
import { t, tOr } from "./strings.js";

/** Return the card that shows the log; nothing is asked for before somebody opens it. */
export function accessCard() {
  const list = h("ul", { class: "log" });
  const state = h("div", { "aria-live": "polite" });
  const more = h("button", { class: "button", type: "button", onclick: () => take() }, icon("again"), t("access.show"));
  let before = null;
  const take = async () => {
    more.disabled = true;
    try {
      const page = await send("GET", `/api/access${before === null ? "" : `?before=${before}`}`);
      list.append(...page.entries.map(line));
      before = page.entries.at(-1)?.number ?? before;
      more.hidden = !page.more;
      more.lastChild.textContent = t("access.older");
      const lost = page.dropped ? [notice("bad", t("access.dropped", { count: page.dropped }))] : [];
      state.replaceChildren(...lost, h("p", { class: "soft" }, t("access.kept", { count: page.days })));
    } catch (error) {
      state.replaceChildren(notice("bad", error.message));
    }
    more.disabled = false;
  };
  return h("section", { class: "card", "aria-labelledby": "access-title" }, h("div", { class: "card-head" }, h("h2", { id: "access-title" }, t("access.title"))), h("div", { class: "card-body" }, state, list, more));
}

function line(entry) {
  const where = [entry.camera && format.title(entry.camera), entry.seconds !== null && format.duration(entry.seconds * 1000), entry.detail, entry.address].filter(Boolean);
  const who = entry.who ?? tOr(`access.way.${entry.way}`, t("access.nobody"));
  return h(
    "li",
    {},
    h("time", { class: "soft number small", dateTime: entry.occurred_at }, format.moment(entry.occurred_at)),
    h("b", {}, who),
    h("span", {}, `${tOr(`access.kind.${entry.kind}`, entry.kind.replaceAll("_", " "))}${where.length ? `: ${where.join(", ")}` : ""}`),
  );
}
