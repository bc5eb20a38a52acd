// All wording is in strings.LANGUAGE.json. A key with a count has the forms key.one and key.other.

const LANGUAGES = ["en", "de", "fr", "es", "it"];
const AGAIN_MS = 1000;
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

let table = {};
let plural = new Intl.PluralRules("en");

/** The language that the page is shown in. */
export let language = "en";

/** The language with its country, where one is known: how amounts and times are written. */
export let locale = "en";

const known = (tag) => LANGUAGES.find((one) => one === tag?.split("-")[0]);

/** What Intl takes: the store file's locale is "de_DE", which it refuses. */
function canonical(tag) {
  try {
    return Intl.getCanonicalLocales(tag?.replaceAll("_", "-"))[0];
  } catch {
    return undefined;
  }
}

/**
 * Take the browser's language, else the store's, else English; true where the words, or how amounts are
 * written, are new. A browser that names no country gets the store's.
 */
export async function loadStrings(store) {
  const tags = [...(navigator.languages ?? [navigator.language]), store].map(canonical).filter(known);
  const found = known(tags[0]) ?? "en";
  const wanted = tags.find((tag) => known(tag) === found && tag.length > 2) ?? found;
  if (wanted === locale && Object.keys(table).length) return false;
  locale = wanted;
  if (found === language && Object.keys(table).length) return true;
  table = await wordsOf(found);
  language = found;
  plural = new Intl.PluralRules(found);
  document.documentElement.lang = found;
  return true;
}

/** Ask until they come: without words the page cannot even say what it waits for. */
async function wordsOf(found) {
  for (;;) {
    const answer = await fetch(`strings.${found}.json`).catch(() => null);
    const words = answer?.ok && (await answer.json().catch(() => null));
    if (words) return words;
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

/** Return the text of `key`, {names} in it filled from `values`; `values.count` chooses the plural form. */
export function t(key, values = {}) {
  const found = table[key] ?? table[`${key}.${plural.select(values.count ?? 0)}`] ?? table[`${key}.other`];
  if (found === undefined) return key;
  return found.replace(/\{(\w+)\}/g, (whole, name) => apart(values[name] ?? whole));
}

/** A name that is read from right to left would draw the numbers and marks beside it to its other side. */
function apart(value) {
  return RIGHT_TO_LEFT.test(value) ? `\u2068${value}\u2069` : value;
}

/** Return the text of `key`, or `otherwise` where the table does not know it. */
export function tOr(key, otherwise) {
  return table[key] ?? otherwise;
}

/** Fill elements marked data-t (content) and data-t-label (accessible name). */
export function fillStrings(root) {
  for (const node of root.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of root.querySelectorAll("[data-t-label]")) {
    node.setAttribute("aria-label", t(node.dataset.tLabel));
  }
}
