// Adding a camera: its address, typed or one of the streams that it offers, a try with a masked picture or a cause, a name, and its line in the store file.

import { openSession, send, session, within } from "./api.js";
import { h, icon, notice } from "./dom.js";
import { decimal, remedy } from "./format.js";
import { outcome } from "./reload.js";
import { t } from "./strings.js";

const TRY_MS = 30000;

/** Return the card in which a manager adds a camera; `unsaved` of it is whether something is typed, `renew` takes new rights. */
export function cameraWizard() {
  const field = (id, properties = {}) => h("input", { class: "input", id: `camera-${id}`, maxLength: 500, autocomplete: "off", spellcheck: false, ...properties });
  const source = field("source", { required: true, placeholder: "rtsp://10.0.0.12:554/stream2", pattern: "[rR][tT][sS][pP][sS]?://.+" });
  const username = field("username");
  const password = field("password", { type: "password", autocomplete: "new-password" });
  const transport = h("select", { class: "input", id: "camera-transport" }, ["tcp", "udp", "auto"].map((way) => h("option", { value: way }, way.toUpperCase())));
  const sub = field("sub_source", { placeholder: "rtsp://10.0.0.12:554/stream3", pattern: "[rR][tT][sS][pP][sS]?://.+" });
  const name = field("name", { maxLength: 60 });
  const id = field("id", { maxLength: 32, required: true, pattern: "[a-z0-9\\-]+" });
  const attempt = h("button", { class: "button main", type: "submit" }, icon("play"), t("wizard.try"));
  const verdict = h("div", { class: "wizard-verdict", "aria-live": "polite" });
  const wrong = h("div", { "aria-live": "polite" });
  const save = h("button", { class: "button main", type: "submit" }, icon("check"), t("wizard.save"));
  const locked = notice("", t("wizard.not_writable"));
  const labelled = (key, input) => h("div", { class: "field" }, h("label", { for: input.id }, t(`wizard.${key}`)), input);
  const given = () => {
    const login = username.value || password.value ? { username: username.value, password: password.value } : {};
    return { source: source.value.trim(), transport: transport.value, ...login };
  };
  const smaller = () => (sub.value.trim() ? { sub_source: sub.value.trim() } : {});
  const words = (error) => [error.message, ...(error.details ?? [])].join(" ");

  const add = async (event) => {
    event.preventDefault();
    save.disabled = true;
    try {
      const added = await send("POST", "/api/cameras/new", { json: { ...given(), ...smaller(), id: id.value, name: name.value.trim() }, signal: within(TRY_MS) });
      first.reset();
      second.reset();
      second.hidden = true;
      const pending = notice("", t("wizard.pending", { camera: added.id }));
      const done = await outcome(added, `cameras.${added.id}`, pending, (node) => verdict.replaceChildren(node));
      await openSession().catch(() => {}); // the camera's name
      const text = done && (done.problem ?? t(done.restart_needed ? "wizard.waits" : "wizard.saved", { camera: done.id }));
      if (done) verdict.replaceChildren(notice(done.problem ? "bad" : "good", text, done.problem ? "warn" : "check"));
    } catch (error) {
      wrong.replaceChildren(notice("bad", words(error)));
    }
    save.disabled = false;
  };

  const tryIt = async (event) => {
    event.preventDefault();
    attempt.disabled = second.hidden = true;
    wrong.replaceChildren();
    verdict.replaceChildren(h("p", { class: "soft" }, t("wizard.trying")));
    try {
      const found = await send("POST", "/api/cameras/try", { json: given(), signal: within(TRY_MS) });
      verdict.replaceChildren(...(found.ok ? await seen(found) : [notice("bad", found.answer ? `${remedy(found)} (${found.answer})` : remedy(found))]));
      second.hidden = !found.ok;
    } catch (error) {
      verdict.replaceChildren(notice("bad", words(error)));
    }
    attempt.disabled = false;
  };

  const hosts = h("div", { class: "wizard-found", "aria-live": "polite" });
  const find = h("button", {
    class: "button",
    type: "button",
    onclick: async () => {
      find.disabled = true;
      hosts.replaceChildren(h("p", { class: "soft" }, t("wizard.finding")));
      try {
        const { cameras } = await send("POST", "/api/cameras/find");
        hosts.replaceChildren(...(cameras.length ? cameras.map(chosen) : [notice("", t("wizard.found_none"))]));
      } catch (error) {
        hosts.replaceChildren(notice("bad", words(error)));
      }
      find.disabled = false;
    },
  }, icon("camera"), t("wizard.find"));
  let service = "";
  const streams = h("div", { class: "wizard-found", "aria-live": "polite" });
  const offered = (stream) => {
    const facts = [stream.width && `${stream.width} × ${stream.height}`, stream.fps && `${stream.fps}/s`, stream.codec, stream.kbps && `${stream.kbps} kbit/s`];
    return h("button", { class: "button", type: "button", onclick: () => { source.value = stream.source; sub.value = stream.sub_source; } }, [stream.name, ...facts].filter(Boolean).join(", "));
  };
  const ask = h("button", {
    class: "button",
    type: "button",
    onclick: async () => {
      if (!first.reportValidity()) return;
      ask.disabled = true;
      streams.replaceChildren(h("p", { class: "soft" }, t("wizard.trying")));
      try {
        const there = service && new URL(service).hostname === new URL(source.value.trim().replace(/^rtsps?:/i, "http:")).hostname ? { service } : {};
        const found = await send("POST", "/api/cameras/streams", { json: { ...given(), ...there }, signal: within(TRY_MS) });
        streams.replaceChildren(...found.streams.map(offered));
      } catch (error) {
        streams.replaceChildren(notice("", words(error)));
      }
      ask.disabled = false;
    },
  }, icon("camera"), t("wizard.streams"));
  const chosen = (camera) =>
    h("button", { class: "button", type: "button", onclick: () => {
      source.value = `rtsp://${camera.host}:554/`;
      sub.value = "";
      service = camera.service;
      streams.replaceChildren();
      if (!name.value) name.value = camera.name;
      id.value = slug(name.value);
      source.focus();
    } }, [camera.name || camera.hardware, camera.host].filter(Boolean).join(", "));

  const first = h("form", { class: "wizard-form", onsubmit: tryIt }, labelled("source", source), labelled("username", username), labelled("password", password), labelled("transport", transport), h("p", { class: "soft small" }, t("wizard.rule")), streams, ask, attempt);
  const second = h("form", { class: "wizard-form", hidden: true, onsubmit: add }, labelled("name", name), labelled("id", id), h("p", { class: "soft small" }, t("wizard.id_rule")), labelled("sub_source", sub), h("p", { class: "soft small" }, t("wizard.sub_rule")), save, locked, wrong);
  name.addEventListener("input", () => (id.value = slug(name.value)));
  const node = h("section", { class: "card wizard", "aria-labelledby": "wizard-title" }, h("h2", { id: "wizard-title" }, t("wizard.title")), h("div", {}, find), hosts, first, verdict, second);
  node.unsaved = () => [source, username, password, sub, name].some((one) => one.value.trim());
  node.renew = () => { save.hidden = !session.may.edit_cameras; locked.hidden = !save.hidden; };
  return node;
}

async function seen({ picture, size, seconds }) {
  const fine = notice("good", t("wizard.seen", { size: size.join(" × "), seconds: decimal(seconds) }), "check");
  if (!picture) return [fine, h("p", { class: "soft" }, t("wizard.no_picture"))];
  const bytes = Uint8Array.from(atob(picture), (letter) => letter.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
  const canvas = h("canvas", { class: "wizard-picture", role: "img", "aria-label": t("wizard.picture"), width: bitmap.width, height: bitmap.height });
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  return [fine, canvas];
}

function slug(name) {
  const plain = name.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
  return plain.replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 32);
}
