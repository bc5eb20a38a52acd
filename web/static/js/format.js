// Numbers and times for people.

import { language, t, tOr } from "./strings.js";

let zone;
const bytesUnits = ["B", "kB", "MB", "GB"];

export function setZone(name) {
  zone = name;
}

export function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return t("time.s", { s: seconds });
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return t("time.min_s", { min: minutes, s: String(seconds % 60).padStart(2, "0") });
  if (minutes < 60) return t("time.min", { min: minutes });
  if (minutes < 60 * 48) return t("time.h_min", { h: Math.floor(minutes / 60), min: minutes % 60 });
  return t("time.days", { count: Math.floor(minutes / 1440) });
}

export function clock(iso) {
  return new Intl.DateTimeFormat(undefined, { timeStyle: "medium", hour12: false, timeZone: zone }).format(
    new Date(iso),
  );
}

/** A language by its code, in the page's language; the code where the browser knows none. */
export function languageName(code) {
  return new Intl.DisplayNames([language], { type: "language" }).of(code);
}

export function day(iso) {
  return new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, { day: "numeric", month: "short", year: "numeric" }).format(
    new Date(`${iso}T12:00:00Z`),
  );
}

export function bytes(count) {
  let step = 0;
  let rest = count;
  while (rest >= 1000 && step < bytesUnits.length - 1) {
    rest /= 1000;
    step += 1;
  }
  return `${rest >= 10 || step === 0 ? Math.round(rest) : rest.toFixed(1)} ${bytesUnits[step]}`;
}

export function count(number) {
  return new Intl.NumberFormat(language).format(number);
}

export function percent(part) {
  return `${Math.round(part * 100)} %`;
}

const names = new Map();

/** Take the names that the store file gives cameras: id to name. */
export function setNames(given) {
  names.clear();
  for (const [id, name] of Object.entries(given)) names.set(id, name);
}

/** A name for people: the store file's, else made of the id, "main-entrance" becomes "Main entrance". */
export function title(slug) {
  if (names.has(slug)) return names.get(slug);
  const words = slug.replaceAll("-", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Whole amounts without ",00": "€1,290.00" becomes "€1,290". */
export function short(money) {
  return money.replace(/[.,]00(?=\D*$)/, "");
}

export function itemName(item) {
  const type = tOr(`type.${item.type}`, item.type.replaceAll("_", " "));
  const brand = item.brand_text ?? item.brand;
  if (brand) return t("item.branded", { brand, type });
  return item.colour ? t("item.coloured", { type, colour: tOr(`colour.${item.colour}`, item.colour) }) : t("item.no_brand", { type });
}
