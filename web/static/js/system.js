// Third page: every camera's state with what to do, and the box itself.

import { accessCard } from "./access.js";
import { send, session } from "./api.js";
import { brandForm } from "./brands.js";
import { askFirst, fill, h, icon, notice, pill, reconcile, say, toast } from "./dom.js";
import * as format from "./format.js";
import { boxNow, on } from "./link.js";
import { t, tOr } from "./strings.js";
import { cameraWizard } from "./wizard.js";

const PICTURE_MS = 15000;
const SOON_MS = 3000;

let forms = {}; // by name; what is typed in them waits here while the page is drawn anew, or somebody signs in anew

/** The forms that this session may have, those with something typed as they are. */
function openForms() {
  const wanted = { ...(session.may.try_cameras && { camera: cameraWizard }), ...(session.may.manage && { brand: brandForm }) };
  forms = Object.fromEntries(Object.entries(wanted).map(([name, make]) => [name, forms[name] ?? make()]));
  Object.values(forms).forEach((form) => form.renew());
  addEventListener("beforeunload", warn);
  return Object.values(forms);
}

const typed = () => Object.values(forms).some((form) => form.unsaved());
const warn = (event) => typed() && askFirst(event);

function closeForms() {
  forms = Object.fromEntries(Object.entries(forms).filter(([, form]) => form.unsaved()));
  if (!typed()) removeEventListener("beforeunload", warn);
}

export function systemPage(main) {
  const cards = new Map();
  const nodes = new Map();
  const grid = h("div", { class: "cameras" });
  const state = h("span", { class: "pill" });
  const health = new HealthCard();
  const box = h("div", { class: "box-facts" }, health.node);
  const events = h("ul", { class: "log" });
  main.replaceChildren(
    h(
      "div",
      { class: "page system" },
      h("div", { class: "page-head" }, h("h1", {}, t("system.title")), state),
      h("section", { "aria-label": t("system.cameras") }, grid),
      openForms(),
      box,
      h("section", { class: "card", "aria-labelledby": "events-title" }, h("div", { class: "card-head" }, h("h2", { id: "events-title" }, t("system.events"))), events),
      session.may.manage ? accessCard() : null,
    ),
  );
  const takeCameras = ({ cameras }) => {
    const live = cameras.filter((camera) => camera.state === "live" && !camera.suspended).length;
    const wanted = cameras.filter((camera) => camera.enabled).length;
    state.className = `pill ${live === wanted ? "good" : "bad"}`;
    say(state, live === wanted ? t("system.all_live") : t("system.some_live", { live, count: wanted }));
    reconcile(grid, nodes, cameras, {
      key: (camera) => `${camera.id} ${format.title(camera.id)}`, // the store file may give it another name
      make: (camera) => {
        cards.get(camera.id)?.end();
        cards.set(camera.id, new CameraCard(camera.id));
        return cards.get(camera.id).node;
      },
      update: (_, camera) => cards.get(camera.id).update(camera),
    });
  };
  let written = "";
  const takeSystem = (system) => {
    const facts = JSON.stringify({ ...system, at: "", started_at: "" });
    if (facts === written) return;
    written = facts;
    health.update(system);
    while (box.lastElementChild !== health.node) box.lastElementChild.remove();
    box.append(...boxFacts(system));
    events.replaceChildren(...(system.events.length ? system.events.map(logLine) : [h("li", { class: "soft" }, t("system.events_none"))]));
  };
  const ends = [on("cameras", takeCameras), on("system", takeSystem)];
  const end = () => {
    ends.forEach((one) => one());
    for (const card of cards.values()) card.end();
    closeForms();
  };
  return Object.assign(end, { unsaved: typed, drop: () => { forms = {}; }, sure: "system.leave_sure" });
}

class CameraCard {
  constructor(camera) {
    this.camera = camera;
    const name = format.title(camera);
    this.picture = h("canvas", { role: "img", hidden: true });
    this.none = h("span", { class: "soft" }, t("camera.opening"));
    this.taken = h("span", { class: "soft small number" });
    this.state = h("span", { class: "pill" });
    this.remedy = h("div");
    this.facts = h("dl", { class: "facts" });
    this.node = h(
      "article",
      { class: "card camera", "aria-label": t("camera.label", { camera: name }) },
      h("div", { class: "snapshot" }, this.none, this.picture),
      h("div", { class: "card-head" }, h("h2", {}, name), this.state),
      this.remedy,
      this.facts,
      h(
        "div",
        { class: "camera-foot" },
        this.taken,
        h("button", { class: "icon-button", type: "button", "aria-label": `${t("system.again")}: ${name}`, title: t("system.again"), onclick: () => this.take() }, icon("again")),
        session.may.manage ? h("a", { class: "button", href: `#/system/areas/${camera}` }, icon("pen"), t("system.areas")) : null,
      ),
    );
    // Pictures of all cameras at once would wait for each other: those of the last ones would never come.
    this.isSeen = false;
    this.watcher = new IntersectionObserver((entries) => {
      this.isSeen = entries.at(-1).isIntersecting;
      this.take();
    });
    this.watcher.observe(this.node);
    this.timer = setInterval(() => !document.hidden && this.take(), PICTURE_MS);
  }

  end() {
    this.watcher.disconnect();
    clearInterval(this.timer);
    clearTimeout(this.soon);
    this.stopper?.abort();
  }

  async take() {
    this.stopper?.abort();
    if (!this.isSeen) return;
    this.stopper = new AbortController();
    try {
      const answer = await fetch(`api/cameras/${this.camera}/picture.jpg?width=640&draw=areas`, { signal: this.stopper.signal, cache: "no-store" });
      if (!answer.ok) throw new Error(answer.status);
      await this.#show(await answer.blob(), answer.headers.get("X-Captured-At"));
    } catch (error) {
      if (error.name === "AbortError") return;
      this.#noPicture();
      clearTimeout(this.soon);
      this.soon = setTimeout(() => this.was === "live" && this.take(), SOON_MS);
    }
  }

  async #show(blob, at) {
    const bitmap = await createImageBitmap(blob);
    Object.assign(this.picture, { width: bitmap.width, height: bitmap.height, hidden: false });
    this.picture.getContext("2d").drawImage(bitmap, 0, 0);
    this.picture.setAttribute("aria-label", t("system.picture", { camera: format.title(this.camera), at: format.clock(at) }));
    this.none.hidden = true;
    say(this.taken, t("system.taken", { at: format.clock(at) }));
  }

  #noPicture() {
    this.picture.hidden = true;
    this.none.hidden = false;
    say(this.none, t("system.no_picture"));
    say(this.taken, "");
  }

  update(camera) {
    const bad = camera.enabled && camera.state !== "live";
    this.state.className = `pill ${bad || camera.suspended ? "bad" : camera.enabled ? "good" : ""}`;
    const since = camera.since ? ` ${t("system.since", { age: format.duration(boxNow() - Date.parse(camera.since)) })}` : "";
    say(this.state, camera.suspended ? t("state.suspended") : t(`state.${camera.state}`) + since);
    if (bad && !this.picture.hidden && this.was === "live") this.#noPicture();
    if (!bad && this.was && this.was !== "live") this.take();
    this.was = camera.state;
    const todo = camera.enabled ? remedies(camera).map((remedy) => t("system.do", { remedy })) : [];
    fill(this.remedy, ...todo.map((text) => notice("bad", text)));
    const dropped = Object.entries(camera.frames_dropped).filter(([, number]) => number);
    facts(this.facts, [
      ["fps", t("system.fps_value", { fps: format.decimal(camera.fps) })],
      ["last", camera.last_frame_at ? ago(boxNow() - Date.parse(camera.last_frame_at)) : "–"],
      ["frames", format.count(camera.frames_received)],
      ["dropped", dropped.length ? dropped.map(([why, number]) => `${format.count(number)} ${tOr(`drop.${why}`, why.replaceAll("_", " "))}`).join(", ") : t("system.dropped_none")],
      ...(camera.frames_between ? [["between", format.count(camera.frames_between)]] : []),
      ["connects", format.count(camera.connects)],
      ["size", camera.size ? camera.size.join(" × ") : "–"],
      ["viewers", String(camera.viewers)],
    ]);
  }
}

/** What to do about a camera, in the page's language where its words are known here. */
function remedies(camera) {
  const [first, second] = camera.turn;
  const found = camera.suspended ? [t("camera.suspended")] : [];
  if (second !== undefined) found.push(t("camera.turn_side", { first, second }));
  else if (first !== undefined) found.push(t("camera.turn", { rotate: first }));
  if (camera.picture_withheld) found.push(t("camera.picture_withheld"));
  if (camera.sub_stream_refused) found.push(t("camera.sub_stream_refused"));
  return found.length || !camera.remedy ? found : [format.remedy(camera)];
}

function ago(ms) {
  return ms < 2000 ? t("system.now") : t("system.ago", { age: format.duration(ms) });
}

function facts(list, rows) {
  if (list.childElementCount !== rows.length) list.replaceChildren(...rows.map(() => h("div", {}, h("dt"), h("dd", { class: "number" }))));
  rows.forEach(([name, value], index) => {
    const { firstChild, lastChild } = list.children[index];
    say(firstChild, tOr(`system.${name}`, name));
    say(lastChild, value);
  });
  return list;
}

function card(title, ...children) {
  return h("section", { class: "card fact-card" }, h("h2", {}, title), ...children);
}

async function restart(event) {
  const { currentTarget: button } = event;
  if (!window.confirm(t("system.restart_sure"))) return;
  button.disabled = true;
  try {
    await send("POST", "/api/restart");
  } catch (error) {
    toast(error.message, { bad: true });
  }
}

function storeFile(file) {
  if (!file) return [];
  if (file.problem) return [notice("bad", t("system.file_wrong", { problem: file.problem }))];
  return file.restart_needed.length ? [notice("", t("system.file_waits", { keys: file.restart_needed.join(", ") }))] : [];
}

/** Whether the box is well. Its nodes stay while the box tells news: the button would lose the focus. */
class HealthCard {
  constructor() {
    this.told = h("div", { class: "reasons" });
    this.restart = session.may.restart ? h("button", { class: "button", type: "button", onclick: restart }, icon("again"), t("system.restart")) : null;
    this.facts = h("dl", { class: "facts" });
    this.node = card(t("system.health"), this.told, this.restart, this.facts);
  }

  update(system) {
    const { ok, reasons, causes } = system.health;
    const wrong = reasons.length ? reasons.map((text, place) => format.told(text, causes?.[place])) : [t("system.not_ok")];
    this.told.replaceChildren(...(ok ? [notice("good", t("system.ok"), "check")] : wrong.map((reason) => notice("bad", reason))), ...storeFile(system.store_file));
    if (this.restart) this.restart.disabled = false;
    facts(this.facts, [["running", format.duration(boxNow() - Date.parse(system.started_at))], ["version", system.revision === "unknown" ? system.version : `${system.version} (${system.revision.slice(0, 7)})`], ["platform", system.platform], ["config", system.config_sha256.slice(0, 12)]]);
  }
}

/** What overload leaves out, and of which cameras the sub-stream is analysed; in the box's words where it is newer. */
function leftOut({ step, text, sub_streams }) {
  const said = tOr(`degrade.${step}`, text);
  return sub_streams?.length ? t("degrade.sub_streams", { what: said, cameras: sub_streams.map(format.title).join(", ") }) : said;
}

function boxFacts(system) {
  const { load, mqtt, uploads, degrade } = system;
  const idle = system.gpu_unused ? [notice("bad", format.told(system.gpu_unused, system.gpu_unused_cause))] : [];
  const steps = degrade.step ? [notice("", leftOut(degrade))] : [];
  return [
    card(
      t("system.load"),
      ...idle,
      ...steps,
      facts(h("dl", { class: "facts" }), [
        ["cpu", load.cpu_percent === null ? "–" : t("system.cpu_value", { percent: format.percent(load.cpu_percent / 100) })],
        ["memory", load.memory_bytes === null ? "–" : format.bytes(load.memory_bytes)],
        ["latency", load.latency_ms === null ? "–" : t("system.latency_value", { ms: Math.round(load.latency_ms) })],
        ["degrade", degrade.step ? t("system.not_ok") : t("system.degrade_none")],
        ["uploads", uploads.enabled ? t("system.uploads_value", { ...uploads, bytes: format.bytes(uploads.disk_bytes) }) : t("system.uploads_off")],
      ]),
    ),
    card(t("system.models"), facts(h("dl", { class: "facts" }), system.models.map((model) => [tOr(`role.${model.role}`, model.role), model.precision === "unknown" ? model.name : `${model.name}, ${model.precision}`]))),
    card(t("system.prices"), ...system.prices.map((source) => h("div", { class: "source-line" }, h("span", {}, h("b", {}, source.name), h("span", { class: "soft" }, ` ${format.told(source.text, source.cause)}`)), pill(source.ok ? "good" : "bad", t(source.ok ? "system.fine" : "system.not_ok"))))),
    card(
      t("system.mqtt"),
      mqtt
        ? facts(h("dl", { class: "facts" }), [["broker", `${mqtt.broker}, ${t(mqtt.connected ? "system.connected" : "system.unconnected")}`], ["spool", t("system.spool_value", { count: mqtt.spool_messages, bytes: format.bytes(mqtt.spool_bytes) })]])
        : h("p", { class: "soft" }, t("system.mqtt_off")),
      ...(mqtt && !mqtt.connected ? [notice("bad", t("system.unconnected"))] : []),
    ),
    card(t("system.outputs"), facts(h("dl", { class: "facts" }), system.outputs.map((output) => [output.kind.toUpperCase(), format.told(output.text, output.cause)]))),
  ];
}

function logLine(event) {
  const kind = { warning: "warn", error: "bad" }[event.level] ?? "";
  return h("li", {}, h("time", { class: "soft number small", dateTime: event.at }, format.moment(event.at)), pill(`${kind} plain`, t(`level.${event.level}`)), h("span", {}, format.told(event.text, event.cause)));
}
