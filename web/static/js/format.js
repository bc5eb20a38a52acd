// Numbers, amounts and times, as people of the page's language and country write them.

import { language, locale, t, tOr } from "./strings.js";

let store = {};
const bytesUnits = ["B", "kB", "MB", "GB"];

/** Take the store's time zone, its currency, and the names that the store file gives cameras: id to name. */
export function setStore(given) {
  store = given;
  names.clear();
  for (const [id, name] of Object.entries(given.camera_names)) names.set(id, name);
}

/** A length of time; each number stays on the line of its unit. */
export function duration(ms) {
  return written(ms).replace(/(\d) /g, "$1\u00a0");
}

function written(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return t("time.s", { s: seconds });
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return t("time.min_s", { min: minutes, s: String(seconds % 60).padStart(2, "0") });
  if (minutes < 60) return t("time.min", { min: minutes });
  if (minutes < 60 * 48) return t("time.h_min", { h: Math.floor(minutes / 60), min: minutes % 60 });
  return t("time.days", { count: Math.floor(minutes / 1440) });
}

export function clock(at) {
  return new Intl.DateTimeFormat(locale, { timeStyle: "medium", timeZone: store.timezone }).format(new Date(at));
}

/** A day and a time of it, in the store's time zone. */
export function moment(iso) {
  const style = { dateStyle: "medium", timeStyle: "medium", timeZone: store.timezone };
  return new Intl.DateTimeFormat(locale, style).format(new Date(iso));
}

/** An hour of the day: "14:00", "2:00 PM". */
export function hour(number) {
  const style = { hour: "numeric", minute: "2-digit", timeZone: "UTC" };
  return new Intl.DateTimeFormat(locale, style).format(new Date(Date.UTC(2000, 0, 1, number)));
}

/** A language by its code, in the page's language; the code where the browser knows none. */
export function languageName(code) {
  return new Intl.DisplayNames([language], { type: "language" }).of(code);
}

export function day(iso) {
  const style = { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" };
  return new Intl.DateTimeFormat(locale, style).format(new Date(`${iso}T12:00:00Z`));
}

export function bytes(given) {
  let step = 0;
  let rest = given;
  while (rest >= 1000 && step < bytesUnits.length - 1) {
    rest /= 1000;
    step += 1;
  }
  return `${rest >= 10 || step === 0 ? count(Math.round(rest)) : decimal(rest)}\u00a0${bytesUnits[step]}`;
}

export function count(number) {
  return plain({}).format(number);
}

/** A number with so many decimals. */
export function decimal(number, digits = 1) {
  return plain({ minimumFractionDigits: digits, maximumFractionDigits: digits }).format(number);
}

export function percent(part) {
  return plain({ style: "percent", maximumFractionDigits: 0 }).format(part);
}

/** An amount of the store's currency, in its minor unit; whole amounts without decimals, all where `round`. */
export function money(minor, { round = false } = {}) {
  const { currency, digits } = store;
  const shown = round || minor % 10 ** digits === 0 ? 0 : digits;
  const style = { style: "currency", currency, minimumFractionDigits: shown, maximumFractionDigits: shown };
  // The page's font has no narrow space, with which French writes thousands.
  return plain(style).format(minor / 10 ** digits).replaceAll("\u202f", "\u00a0");
}

/**
 * Minor units of an amount that somebody typed: null for nothing, undefined for what is none or may be read in two ways.
 *
 * More digits than the currency has are refused, for 1.290 may be meant as 1290; so is 1,290 of three digits where the
 * comma parts thousands.
 */
export function minorOf(text, digits) {
  const typed = text.trim().replace(/[٠-٩۰-۹０-９]/g, (digit) => "٠۰０".split("").map((zero) => digit.charCodeAt(0) - zero.charCodeAt(0)).find((value) => value >= 0 && value < 10));
  if (!typed) return null;
  const [, whole, mark, rest = ""] = /^(\d{1,9})(?:([.,٫])(\d+))?$/.exec(typed) ?? [];
  const hasComma = plain({}).formatToParts(1.5).some((part) => part.type === "decimal" && part.value === ",");
  if (!whole || rest.length > digits || (rest.length === 3 && mark === (hasComma ? "." : ","))) return undefined;
  return Number(whole + rest.padEnd(digits, "0"));
}

function plain(style) {
  return new Intl.NumberFormat(locale, style);
}

const names = new Map();

/** A name for people: the store file's, else made of the id, "main-entrance" becomes "Main entrance". */
export function title(slug) {
  if (names.has(slug)) return names.get(slug);
  const words = slug.replaceAll("-", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** What to do about a camera, by its cause; in the words of the box where the page knows none. */
export function remedy(found) {
  return tOr(`cause.${found.cause}`, found.remedy ?? "");
}

const WRITTEN = {
  camera: title,
  cause: (value) => tOr(`cause.${value}`, value),
  state: (value) => tOr(`state.${value}`, value),
  step: (value) => t(`degrade.${value}`),
};

/** What the box has to say, by its cause; in the words of the box where the page has none. */
export function told(text, cause) {
  const key = `told.${cause?.why}`;
  if (tOr(key, null) === null) return text;
  const number = (name, value) => (name.endsWith("share") ? percent(value) : count(value));
  const written = ([name, value]) => [name, WRITTEN[name]?.(value) ?? (typeof value === "number" ? number(name, value) : value)];
  return t(key, Object.fromEntries(Object.entries(cause.values).map(written))).replace(/(\d) (?=(s|min|M[Bo])(?!\p{L}))/gu, "$1\u00a0");
}

export function itemName(item) {
  const type = tOr(`type.${item.type}`, item.type.replaceAll("_", " "));
  const brand = item.brand_text ?? item.brand;
  if (brand) return t("item.branded", { brand, type });
  return item.colour ? t("item.coloured", { type, colour: tOr(`colour.${item.colour}`, item.colour) }) : t("item.no_brand", { type });
}

/** The dearest first. */
export function byPrice(items) {
  return [...items].sort((a, b) => (b.price?.amount_minor ?? -1) - (a.price?.amount_minor ?? -1));
}

/** What somebody wears is worth, or why that is not known. */
export function worth(minor, isPriced, items) {
  return isPriced ? money(minor) : t(items.length ? "person.no_price" : "person.nothing");
}

/** The same of a customer of the sales desk. */
export function value({ value: { amount_minor: minor }, items }) {
  return worth(minor, minor > 0, items);
}
