// Adding a brand: pictures of its mark, what was made of each, a try on a live picture, and its name.

import { send, session, within } from "./api.js";
import { h, icon, notice } from "./dom.js";
import { takeDropped } from "./dropping.js";
import * as format from "./format.js";
import { newest } from "./link.js";
import { t, tOr } from "./strings.js";

const ACCEPT = ".svg,image/png,image/jpeg,image/webp";
const MOST = 5_000_000;
// Models are loaded for each request, on a box that is busy with cameras.
const WAIT_MS = 120000;

/** Return the card in which a manager adds a brand; `unsaved` and `renew` as of the camera's. */
export function brandForm() {
  let pictures = [];
  const marks = dropArea("brand-pictures", "drop", "choose", t("brands.kinds", { bytes: format.bytes(MOST) }), (files) => take(files, "mark"));
  const swatches = dropArea("brand-swatches", "drop_pattern", "choose_pattern", t("brands.pattern_rule"), (files) => take(files, "pattern"));
  const list = h("ul", { class: "brand-pictures" });
  const told = h("div", { class: "brand-told", "aria-live": "polite" });
  const name = h("input", { class: "input", id: "brand-name", maxLength: 60, required: true, autocomplete: "off" });
  const words = h("input", { class: "input", id: "brand-words", maxLength: 300, autocomplete: "off", "aria-describedby": "brand-words-rule" });
  const camera = h("select", { class: "input", id: "brand-camera" });
  const faces = h("input", { type: "checkbox", id: "brand-faces" });
  const replace = h("input", { type: "checkbox", id: "brand-replace" });
  const faceRow = h("label", { class: "brand-check", hidden: true }, faces, t("brands.face_is_mark"));
  const replaceRow = h("label", { class: "brand-check", hidden: true }, replace, t("brands.replace"));
  const attempt = h("button", { class: "button", type: "button", onclick: () => busy(tryLive) }, icon("play"), t("brands.try"));
  const save = h("button", { class: "button main", type: "submit" }, icon("check"), t("brands.add"));
  const locked = notice("", t("brands.not_writable"));
  const labelled = (key, field) => h("div", { class: "field" }, h("label", { for: field.id }, t(`brands.${key}`)), field);
  const form = h(
    "form",
    { class: "wizard-form", hidden: true, onsubmit: (event) => { event.preventDefault(); busy(add); } },
    labelled("camera", camera), attempt,
    labelled("name", name), labelled("words", words),
    h("p", { class: "soft small", id: "brand-words-rule" }, t("brands.words_rule")),
    faceRow, replaceRow,
    save, locked,
  );
  const fail = (error) => told.replaceChildren(notice("bad", [error.message, ...(error.details ?? [])].join(" ")));
  const ids = () => pictures.map((one) => one.id);

  async function busy(work) {
    attempt.disabled = save.disabled = true;
    told.replaceChildren(h("p", { class: "soft" }, t("brands.working")));
    try {
      await work();
    } catch (error) {
      if (error.code === "conflict") replaceRow.hidden = false;
      fail(error);
    }
    attempt.disabled = save.disabled = false;
  }

  async function take(files, kind) {
    for (const file of [...files]) {
      if (file.size > MOST) {
        fail(new Error(t("brands.too_large", { name: file.name, bytes: format.bytes(MOST) })));
        continue;
      }
      await busy(async () => {
        const found = await send("POST", `/api/brands/pictures?kind=${kind}`, { body: file, type: "application/octet-stream", signal: within(WAIT_MS) });
        pictures.push(found);
        told.replaceChildren();
        list.append(await row(file.name, found));
      });
    }
    show();
  }

  async function row(file, found) {
    const swatch = found.kind === "pattern";
    const whole = t(swatch ? "brands.swatch" : "brands.whole", { name: file });
    const shown = await Promise.all([found.picture, ...found.parts].map((data, index) => drawn(data, "png", index ? t("brands.part") : whole)));
    const node = h(
      "li",
      { class: "brand-picture" },
      h("div", { class: "brand-shown" }, shown),
      h("p", { class: "small" }, t(swatch ? "brands.ground_pattern" : `brands.ground_${found.ground}`), found.parts.length ? ` ${t("brands.lockup")}` : ""),
      found.faces ? notice("bad", t("brands.face")) : null,
      h("button", { class: "button", type: "button", onclick: () => { pictures = pictures.filter((one) => one !== found); node.remove(); show(); } }, t("brands.remove")),
    );
    return node;
  }

  function show() {
    form.hidden = pictures.length === 0;
    faceRow.hidden = !pictures.some((one) => one.faces);
    const cameras = newest.cameras?.cameras ?? [];
    camera.replaceChildren(...cameras.map((one) => h("option", { value: one.id }, format.title(one.id))));
    attempt.disabled = cameras.length === 0;
  }

  async function tryLive() {
    const found = await send("POST", "/api/brands/try", { json: { pictures: ids(), camera: camera.value }, signal: within(WAIT_MS) });
    const unused = patternNotice(found.pattern);
    const kinds = [...new Set(pictures.map((one) => one.kind))].filter((kind) => kind === "mark" || !unused);
    const verdicts = kinds.map((kind) => verdict(kind, found.places.find((one) => one.kind === kind)));
    told.replaceChildren(...verdicts, ...(unused ? [unused] : []), await drawn(found.picture, "jpeg", t("brands.live_picture")));
  }

  async function add() {
    const said = words.value.split(",").map((word) => word.trim()).filter(Boolean);
    const json = { name: name.value.trim(), pictures: ids(), faces: faces.checked && !faceRow.hidden, replace: replace.checked && !replaceRow.hidden };
    const done = await send("POST", "/api/brands/new", { json: said.length ? { ...json, words: said } : json, signal: within(WAIT_MS) });
    const routes = done.routes.map((route) => tOr(`brands.route_${route}`, route)).join(", ");
    const notes = [notice("good", t("brands.added", { name: done.name, routes }), "check")];
    const unused = patternNotice(done.pattern);
    if (unused) notes.push(unused);
    if (!done.garment && pictures.some((one) => one.kind === "mark")) notes.push(notice("", t("brands.flat")));
    for (const one of done.close) notes.push(notice("", t("brands.close", { brand: one.brand, similarity: format.decimal(one.similarity, 2) })));
    told.replaceChildren(...notes);
    pictures = [];
    list.replaceChildren();
    form.reset();
    replaceRow.hidden = true;
    show();
  }

  const node = h("section", { class: "card wizard", "aria-labelledby": "brands-title" }, h("h2", { id: "brands-title" }, t("brands.title")), h("p", { class: "soft small" }, t("brands.text")), marks, swatches, list, form, told);
  node.unsaved = () => pictures.length > 0;
  node.renew = () => { save.hidden = !session.may.edit_brands; locked.hidden = !save.hidden; };
  return node;
}

/** An area that takes dropped and chosen pictures, by the keys of its texts. */
function dropArea(id, title, choose, rule, take) {
  const input = h("input", { type: "file", id, accept: ACCEPT, multiple: true, hidden: true, onchange: () => { take(input.files); input.value = ""; } });
  const area = h(
    "div",
    { class: "drop" },
    icon("upload"),
    h("b", {}, t(`brands.${title}`)),
    h("button", { class: "button", type: "button", onclick: () => input.click() }, t(`brands.${choose}`)),
    h("span", { class: "soft small" }, rule),
    input,
  );
  takeDropped(area, area, take);
  return area;
}

/** What a try found of a brand's marks or of its pattern; best: the place most alike, if any. */
function verdict(kind, best) {
  const key = kind === "pattern" ? "pattern_" : "";
  if (!best) return notice("", t(`brands.${key}nothing`));
  const alike = { similarity: format.decimal(best.similarity, 2), needed: format.decimal(best.needed, 2) };
  return best.counts ? notice("good", t(`brands.${key}seen`, alike), "check") : notice("", t(`brands.${key}near`, alike));
}

/** Why a pattern is not used; null where it is, or where there is none. */
function patternNotice(use) {
  return use === "common" || use === "unseen" ? notice("", t(`brands.pattern_${use}`)) : null;
}

/** A picture in base64 on a canvas: the page may show images of its own address alone. */
async function drawn(data, kind, label) {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], { type: `image/${kind}` }));
  const canvas = h("canvas", { class: kind === "jpeg" ? "wizard-picture" : "brand-mark", role: "img", "aria-label": label, width: bitmap.width, height: bitmap.height });
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  return canvas;
}
