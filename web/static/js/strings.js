// All wording is in strings.LANGUAGE.json. A key with a count has the forms key.one and key.other.

const LANGUAGES = ["en", "de", "fr", "es", "it"];

let table = {};
let plural = new Intl.PluralRules("en");

/** The language that the page is shown in. */
export let language = "en";

const known = (tag) => LANGUAGES.find((one) => one === tag?.slice(0, 2).toLowerCase());

/** Take the browser's language, else the store's, else English; true where the words are new. */
export async function loadStrings(store) {
  const found = (navigator.languages ?? [navigator.language]).map(known).find(Boolean) ?? known(store) ?? "en";
  if (found === language && Object.keys(table).length) return false;
  table = await (await fetch(`strings.${found}.json`)).json();
  language = found;
  plural = new Intl.PluralRules(found);
  document.documentElement.lang = found;
  return true;
}

/** Return the text of `key`, {names} in it filled from `values`; `values.count` chooses the plural form. */
export function t(key, values = {}) {
  const found = table[key] ?? table[`${key}.${plural.select(values.count ?? 0)}`] ?? table[`${key}.other`];
  if (found === undefined) return key;
  return found.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
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
