// What a day taught, beside the same weekday before. Every figure is about several people, or withheld.

import { send, session } from "./api.js";
import { empty, h, icon, say, svg } from "./dom.js";
import * as format from "./format.js";
import { boxNow, on } from "./link.js";
import { t, tOr } from "./strings.js";

const WITHHELD = "–";

export function insightsPage(main) {
  let day = today();
  let gone = false;
  let drawn = "";
  let figuresOf = null; // the day whose figures are on show
  const body = h("div", { class: "insights" });
  const wrong = h("div", { class: "notice bad", role: "alert", hidden: true }, icon("warn"), h("span"));
  const pick = h("input", { class: "input", id: "day", type: "date", value: day, onchange: () => pick.reportValidity() && go(pick.value), onblur: () => { pick.value = day; } });
  const step = (by) => () => go(shifted(day, by));
  const next = h("button", { class: "icon-button", type: "button", "aria-label": t("insights.day_after"), onclick: step(1) }, "›");
  main.replaceChildren(
    h("div", { class: "page" },
      h("div", { class: "page-head" },
        h("h1", {}, t("nav.insights")),
        h("div", { class: "days" },
          h("button", { class: "icon-button", type: "button", "aria-label": t("insights.day_before"), onclick: step(-1) }, "‹"),
          h("label", { class: "visually-hidden", for: "day" }, t("insights.day")),
          pick,
          next,
        ),
      ),
      wrong,
      body,
    ),
  );
  async function load() {
    const asked = day;
    bound();
    try {
      const found = await send("GET", `/api/insights?from=${asked}`);
      if (gone || asked !== day) return;
      wrong.hidden = true;
      show(found);
    } catch (error) {
      if (gone || asked !== day) return;
      if (figuresOf !== asked) show(null);
      say(wrong.lastChild, error.message);
      wrong.hidden = false;
    }
  }
  /** What is the same stays as it is, and with it the focus. */
  function show(found) {
    const now = JSON.stringify(found);
    figuresOf = found && day;
    if (now === drawn) return;
    drawn = now;
    body.replaceChildren(...(found ? cards(found) : []));
  }
  /** No day is picked after the box's; a button that is disabled gives its focus to the field beside it. */
  function bound() {
    pick.max = today();
    const isLast = day >= pick.max;
    if (isLast && document.activeElement === next) pick.focus({ preventScroll: true });
    next.disabled = isLast;
  }
  function go(wanted) {
    if (!wanted || wanted > today()) return;
    day = pick.value = wanted;
    load();
  }
  /** Where the latest day is shown, go on with the box's, at midnight or as soon as its clock is known. */
  function follow() {
    const latest = pick.max;
    bound();
    const goes = day === latest && day !== pick.max;
    if (goes) go(pick.max);
    return goes;
  }
  load();
  const deaf = on("link", follow);
  const timer = setInterval(() => !document.hidden && !follow() && day === pick.max && load(), 60_000);
  return () => {
    gone = true;
    deaf();
    clearInterval(timer);
  };
}

/** By the box's clock: this machine's may be wrong. By parts: no language writes its days alike in all browsers. */
function today() {
  const style = { timeZone: session.store.timezone, year: "numeric", month: "2-digit", day: "2-digit" };
  const parts = new Intl.DateTimeFormat("en-US", style).formatToParts(boxNow());
  return ["year", "month", "day"].map((type) => parts.find((part) => part.type === type).value).join("-");
}

function shifted(day, by) {
  const at = new Date(`${day}T12:00:00Z`);
  at.setUTCDate(at.getUTCDate() + by);
  return at.toISOString().slice(0, 10);
}

const number = (value) => (value === null ? WITHHELD : format.count(value));
const amount = (minor) => (minor === null ? WITHHELD : format.money(minor, { round: true }));
const share = (value) => (value === null ? WITHHELD : format.percent(value));
const time = (seconds) => (seconds === null ? WITHHELD : format.duration(seconds * 1000));

function cards(found) {
  const { before } = found;
  const then = t("insights.before", { day: format.day(before.from) });
  const facts = [
    ["visitors", number(found.visitors), number(before.visitors)],
    ["value", amount(found.value_minor), amount(before.value_minor)],
    ["within_1min", share(found.value_share_within_1min), share(before.value_share_within_1min)],
    ["within_2min", share(found.value_share_within_2min), share(before.value_share_within_2min)],
    ["unattended", amount(found.unattended_minor), amount(before.unattended_minor)],
    ["wait", time(found.mean_wait_s), time(before.mean_wait_s)],
    ["service", time(found.mean_service_s), time(before.mean_service_s)],
    ["sold", amount(found.sold_minor), amount(before.sold_minor)],
  ];
  const note = h("p", { class: "soft small" }, t("insights.note", { count: found.min_count }));
  if (found.visitors === null && !found.hours.length) {
    const key = found.to < today() ? "insights.none" : "insights.nothing";
    return [h("section", { class: "card wide" }, empty("insights", t(key), t(`${key}_text`, { count: found.min_count })))];
  }
  return [
    h("div", { class: "facts wide" }, facts.map(([key, now, old]) =>
      h("section", { class: "card fact" }, h("h2", {}, t(`insights.${key}`)), h("p", { class: "figure number" }, now), h("p", { class: "soft small number" }, `${then}: ${old}`)))),
    hours(found, before),
    bars("insights.attended", found.attended, (one) => joined(one.within, "insights.in_"), (one) => amount(one.value_minor)),
    bars("insights.worth", found.worth, (one) => range(one, found), () => ""),
    bars("insights.outcomes", found.outcomes, (one) => joined(one.outcome, "staff."), () => ""),
    bars("insights.brands", found.brands, (one) => one.text, () => ""),
    bars("insights.types", found.types, (one) => tOr(`type.${one.key}`, one.key), () => ""),
    bars("insights.zones", found.zones, (one) => one.zone.split("/").reverse().map(format.title).join(" · "), (one) => time(one.mean_s)),
    cameras(found.cameras),
    ...found.heat_maps.map((one) => heatMap(one, found)),
    h("div", { class: "wide" }, note, downloads(found)),
  ].filter(Boolean);
}

function joined(key, words) {
  return key.split("+").map((name) => t(words + name)).join(t("insights.or"));
}

function range(one, found) {
  const money = (units) => amount(units * 10 ** found.digits);
  if (one.to === null) return t("insights.from", { low: money(one.from) });
  if (one.from === 0 && one.to === 1) return t("insights.nothing_priced");
  return t("insights.range", { low: money(one.from), high: money(one.to) });
}

function bar(value, most) {
  const fill = h("i");
  fill.style.width = `${most ? (100 * value) / most : 0}%`;
  return h("span", { class: "meter", "aria-hidden": "true" }, fill);
}

function hours(found, before) {
  const old = new Map(before.hours.map((one) => [one.hour, one]));
  const most = Math.max(1, ...found.hours.map((one) => one.visitors ?? 0));
  const heads = ["hour", "visitors", "then", "value", "staff", "saved"];
  return h("section", { class: "card wide" },
    h("div", { class: "card-head" }, h("h2", {}, t("insights.hours"))),
    h("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": t("insights.hours") },
      h("table", { class: "hours number" },
        h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, t(`insights.${head}`))))),
        h("tbody", {}, found.hours.map((one) =>
          h("tr", {},
            h("th", { scope: "row" }, format.hour(one.hour)),
            h("td", { class: "bar-cell" }, h("span", {}, number(one.visitors)), bar(one.visitors ?? 0, most)),
            h("td", { class: "soft" }, number(old.get(one.hour)?.visitors ?? null)),
            h("td", {}, amount(one.value_minor)),
            h("td", {}, number(one.staff)),
            h("td", {}, amount(one.saved_minor)),
          ))),
      ),
    ),
    h("p", { class: "soft small foot" }, t(found.staffing.service_seen ? "insights.model" : "insights.model_assumed", { time: time(found.staffing.service_s) }), " ", t("insights.saved_note")),
  );
}

function bars(title, rows, name, more) {
  if (!rows.length) return null;
  const most = Math.max(...rows.map((one) => one.count));
  return h("section", { class: "card" },
    h("div", { class: "card-head" }, h("h2", {}, t(title))),
    h("ul", { class: "bars" }, rows.map((one) =>
      h("li", {}, h("span", {}, name(one)), h("span", { class: "number" }, [number(one.count), more(one)].filter(Boolean).join(" · ")), bar(one.count, most)))),
  );
}

function downloads(found) {
  const link = (kind, name) => h("a", { class: "button", href: `api/insights/cells?from=${found.from}&to=${found.to}&format=${kind}`, download: "" }, icon("download"), name);
  return h("p", { class: "downloads" }, link("csv", t("insights.csv")), link("parquet", t("insights.parquet")));
}

/** How many people were where in a camera's picture, over a masked picture of now. Its sides are never mirrored. */
function heatMap(one, found) {
  const most = Math.max(...one.places.map((place) => place.count));
  const grid = svg("svg", { class: "heat-grid", viewBox: `0 0 ${one.columns} ${one.rows}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  for (const { x, y, count } of one.places) {
    const cell = svg("rect", { x, y, width: 1, height: 1, class: "heat-place", "fill-opacity": (0.12 + 0.68 * (count / most)).toFixed(2) });
    cell.append(Object.assign(svg("title"), { textContent: number(count) }));
    grid.append(cell);
  }
  const name = format.title(one.camera);
  const still = h("img", { src: `api/cameras/${encodeURIComponent(one.camera)}/picture.jpg`, alt: "", loading: "lazy", onerror: () => still.remove() });
  const busiest = [...one.places].sort((a, b) => b.count - a.count)[0];
  const side = ["left", "middle", "right"][Math.min(2, Math.floor((3 * busiest.x) / one.columns))];
  const depth = ["back", "centre", "front"][Math.min(2, Math.floor((3 * busiest.y) / one.rows))];
  const where = t("insights.heat_most", { count: number(busiest.count), side: t(`insights.heat_${side}`), depth: t(`insights.heat_${depth}`) });
  return h("section", { class: "card" },
    h("div", { class: "card-head" }, h("h2", {}, t("insights.heat", { camera: name }))),
    h("div", { class: "heat", role: "img", "aria-label": `${t("insights.heat", { camera: name })}: ${where}`, dir: "ltr" }, still, grid),
    h("p", { class: "soft small foot" }, where, " ", t("insights.heat_note", { count: found.min_count })),
  );
}

function cameras(rows) {
  if (!rows.length) return null;
  return h("section", { class: "card" },
    h("div", { class: "card-head" }, h("h2", {}, t("insights.cameras"))),
    h("ul", { class: "bars" }, rows.map((one) =>
      h("li", {}, h("span", {}, format.title(one.camera)), h("span", { class: "number" }, share(one.up)), bar(one.up, 1)))),
  );
}
