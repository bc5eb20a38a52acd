// All wording is in strings.en.json. A key with a count has the forms key.one and key.other.

let table = {};
const plural = new Intl.PluralRules("en");

export async function loadStrings() {
  table = await (await fetch("strings.en.json")).json();
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
