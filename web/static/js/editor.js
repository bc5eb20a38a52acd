// Zones and masks of one camera: polygons on its newest redacted picture, the YAML for them, and writing it.

import { send, session } from "./api.js";
import { announce, askFirst, fill, h, icon, notice, pill, say, svg, toast } from "./dom.js";
import * as format from "./format.js";
import { outcome } from "./reload.js";
import { Shapes, removeCorner, round, splitLongest } from "./shapes.js";
import { t } from "./strings.js";

const RECTANGLE = [[0.35, 0.35], [0.65, 0.35], [0.65, 0.65], [0.35, 0.65]];
const CHECK_MS = 350;
const CLOSE = 0.02;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

let open = null; // the editor on show; where it has what is not written, it waits here while somebody signs in anew
const warn = (event) => open.unsaved && askFirst(event);

export function areasPage(main, camera) {
  if (open?.camera !== camera || !session.may.manage) open = new Editor(camera);
  const editor = open;
  if (main.firstChild !== editor.node) main.replaceChildren(editor.node);
  editor.open();
  addEventListener("beforeunload", warn);
  const end = () => {
    editor.end();
    if (editor.unsaved) return;
    open = null;
    removeEventListener("beforeunload", warn);
  };
  return Object.assign(end, { unsaved: () => editor.unsaved, drop: () => editor.drop(), sure: "areas.leave_sure" });
}

class Editor {
  constructor(camera) {
    this.camera = camera;
    this.shapes = new Shapes({ zones: {}, masks: {} });
    this.chosen = null;
    this.drawing = null;
    this.changed = false;
    this.handles = [];
    this.#build();
  }

  #build() {
    const name = format.title(this.camera);
    this.canvas = h("canvas", { width: 1280, height: 720, role: "img", "aria-label": t("areas.picture", { camera: name }) });
    this.lines = svg("svg", { viewBox: "0 0 1 1", preserveAspectRatio: "none", "aria-hidden": "true" });
    this.corners = h("div", { class: "corners" });
    this.stage = h("div", { class: "stage", onpointerdown: (event) => this.#press(event) }, this.canvas, this.lines, this.corners);
    this.hint = h("div", { class: "hint", hidden: true });
    this.list = h("div", { class: "shape-list" });
    this.yaml = h("textarea", { class: "input yaml", id: "yaml", readOnly: true, rows: 10, spellcheck: false });
    this.verdict = h("div", { role: "status" });
    this.save = h("button", { class: "button main", type: "button", disabled: true, onclick: () => this.#write() }, icon("check"), t("areas.save"));
    this.again = h("button", { class: "button quiet", type: "button", onclick: () => this.#discard() }, icon("again"), t("areas.discard"));
    this.note = h("p", { class: "soft small" });
    this.node = h(
      "div",
      { class: "page areas", onkeydown: (event) => event.key === "Escape" && this.drawing && this.#cancel() },
      h("div", { class: "page-head" }, h("h1", {}, t("areas.title", { camera: name })), h("a", { class: "button", href: "#/system" }, t("back")), h("p", {}, t("areas.text"))),
      h(
        "div",
        { class: "areas-body" },
        h("div", { class: "areas-left" }, this.hint, h("div", { class: "card stage-card" }, this.stage)),
        h(
          "div",
          { class: "areas-right" },
          h("section", { class: "card side" }, this.list, h("div", { class: "row" }, this.#adder("zone"), this.#adder("mask"))),
          h(
            "section",
            { class: "card side" },
            this.verdict,
            h("div", { class: "field" }, h("label", { for: "yaml" }, t("areas.yaml", { camera: this.camera })), this.yaml),
            h("div", { class: "row" }, h("button", { class: "button", type: "button", onclick: () => this.#copy() }, icon("copy"), t("areas.copy")), this.save, this.again),
            this.note,
          ),
        ),
      ),
    );
  }

  #adder(kind) {
    return h("button", { class: "button", type: "button", "data-adds": kind, onclick: () => this.#startDrawing(kind) }, icon("plus"), t(`areas.new_${kind}`));
  }

  /** Whether there is something that would be lost with this page. */
  get unsaved() {
    return this.changed || Boolean(this.drawing?.polygon.length);
  }

  drop() {
    this.changed = false;
    this.#stopDrawing();
  }

  /** Begin anew from the areas of the store file, as it is now: one that has changed takes no older drawing. */
  #discard() {
    if (this.unsaved && !window.confirm(t("areas.discard_sure"))) return;
    this.end();
    this.drop();
    this.chosen = null;
    this.save.disabled = true;
    this.verdict.replaceChildren();
    this.open();
  }

  /** Show the camera's areas; what is drawn already stays, for the file that it was drawn for. */
  async open() {
    this.stopper = new AbortController();
    this.#picture();
    try {
      const found = await send("GET", `/api/cameras/${this.camera}/areas`);
      this.writable = found.writable && session.may.edit_areas;
      this.save.hidden = !this.writable;
      say(this.note, this.writable ? "" : t("areas.not_writable"));
      if (this.changed) this.#edited();
      if (this.unsaved) return;
      this.revision = found.revision;
      this.shapes = new Shapes(found);
      this.yaml.value = found.yaml;
      this.#show();
    } catch (error) {
      this.verdict.replaceChildren(notice("bad", error.message));
    }
  }

  end() {
    this.stopper.abort();
    clearTimeout(this.timer);
  }

  async #picture() {
    try {
      const answer = await fetch(`api/cameras/${this.camera}/picture.jpg?width=1280`, { cache: "no-store", signal: this.stopper.signal });
      if (!answer.ok) throw new Error(answer.status);
      const bitmap = await createImageBitmap(await answer.blob());
      Object.assign(this.canvas, { width: bitmap.width, height: bitmap.height });
      this.canvas.getContext("2d").drawImage(bitmap, 0, 0);
    } catch (error) {
      if (error.name !== "AbortError") toast(t("areas.no_picture"));
    }
  }

  // the picture

  #show() {
    this.#drawLines();
    this.#placeCorners();
    this.#showList();
  }

  #drawLines() {
    const shapes = this.shapes.list.map((shape) => this.#outline(shape, "polygon", shape.polygon));
    if (this.drawing) shapes.push(this.#outline(this.drawing, "polyline", this.drawing.polygon));
    this.lines.replaceChildren(...shapes);
  }

  #outline(shape, tag, polygon) {
    const node = svg(tag, { points: polygon.map((point) => point.join(",")).join(" "), class: `${shape.kind}${shape === this.chosen ? " chosen" : ""}` });
    if (tag === "polygon") node.addEventListener("pointerdown", () => !this.drawing && this.#choose(shape));
    return node;
  }

  #placeCorners() {
    const shape = this.drawing ?? this.chosen;
    const points = shape?.polygon ?? [];
    while (this.handles.length > points.length) this.handles.pop().remove();
    while (this.handles.length < points.length) {
      const node = h("button", { class: "corner", type: "button" });
      this.handles.push(node);
      this.corners.append(node);
      const index = this.handles.length - 1;
      node.addEventListener("pointerdown", (event) => this.#grab(event, index));
      node.addEventListener("keydown", (event) => this.#key(event, index));
    }
    points.forEach(([x, y], index) => {
      const node = this.handles[index];
      node.style.left = `${x * 100}%`;
      node.style.top = `${y * 100}%`;
      node.setAttribute("aria-label", t("areas.corner", { number: index + 1, name: shape.name ?? t(`areas.${shape.kind}`), x: format.percent(x), y: format.percent(y) }));
    });
  }

  #point(event) {
    const frame = this.stage.getBoundingClientRect();
    return round([(event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height]);
  }

  #press(event) {
    if (!this.drawing || event.button) return;
    event.preventDefault();
    const point = this.#point(event);
    const { polygon } = this.drawing;
    const near = polygon.length && Math.hypot(point[0] - polygon[0][0], point[1] - polygon[0][1]) < CLOSE;
    if (near && polygon.length >= 3) return this.#finish();
    if (!near) polygon.push(point);
    this.#drawLines();
    this.#placeCorners();
    return say(this.hint.querySelector(".drawn"), t("areas.drawn", { count: polygon.length }));
  }

  #grab(event, index) {
    if (this.drawing) return;
    event.preventDefault();
    event.stopPropagation();
    const node = this.handles[index];
    const shape = this.chosen;
    node.focus();
    node.setPointerCapture(event.pointerId);
    const move = (moved) => this.#moveTo(shape, index, this.#point(moved));
    node.addEventListener("pointermove", move);
    const drop = () => {
      node.removeEventListener("pointermove", move);
      this.#edited();
    };
    node.addEventListener("lostpointercapture", drop, { once: true });
  }

  #moveTo(shape, index, point) {
    shape.polygon[index] = round(point);
    this.#drawLines();
    this.#placeCorners();
  }

  #key(event, index) {
    const shape = this.chosen;
    if (this.drawing || !shape) return;
    if (event.key in ARROWS) {
      const step = event.shiftKey ? 0.05 : 0.01;
      const [x, y] = shape.polygon[index];
      const [right, down] = ARROWS[event.key];
      this.#moveTo(shape, index, [x + right * step, y + down * step]);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      if (!removeCorner(shape.polygon, index)) announce(t("areas.few"));
      this.#show();
      this.handles[Math.max(0, index - 1)].focus();
    } else return;
    event.preventDefault();
    this.#edited();
  }

  // drawing

  #startDrawing(kind) {
    this.chosen = null;
    this.drawing = { kind, polygon: [] };
    this.stage.classList.add("drawing");
    this.hint.hidden = false;
    this.hint.replaceChildren(
      notice("good", t("areas.draw"), "pen"),
      h("span", { class: "drawn soft small number" }, t("areas.drawn", { count: 0 })),
      h("button", { class: "button", type: "button", onclick: () => { this.drawing.polygon = RECTANGLE.map((point) => [...point]); this.#finish(); } }, t("areas.rectangle")),
      h("button", { class: "button quiet", type: "button", onclick: () => this.#cancel() }, t("areas.cancel")),
    );
    this.#show();
    this.hint.querySelector("button").focus({ preventScroll: true });
  }

  #stopDrawing() {
    this.drawing = null;
    this.stage.classList.remove("drawing");
    this.hint.hidden = true;
    this.#show();
  }

  /** Stop, and give the focus back to the button that began it. */
  #cancel() {
    const { kind } = this.drawing;
    this.#stopDrawing();
    this.node.querySelector(`[data-adds="${kind}"]`).focus();
  }

  #finish() {
    this.chosen = this.shapes.add(this.drawing.kind, this.drawing.polygon);
    this.#stopDrawing();
    this.#edited();
    this.list.querySelector(".chosen input")?.select();
  }

  // the list

  #choose(shape) {
    if (this.chosen === shape) return;
    this.chosen = shape;
    this.#show();
  }

  #showList() {
    const groups = ["zone", "mask"].map((kind) => {
      const shapes = this.shapes.list.filter((shape) => shape.kind === kind);
      return h("div", { class: "group" }, h("h2", {}, t(`areas.${kind}s`)), shapes.length ? h("ul", {}, shapes.map((shape) => this.#entry(shape))) : h("p", { class: "soft small" }, t("areas.none")));
    });
    this.list.replaceChildren(...groups);
  }

  #entry(shape) {
    const chosen = shape === this.chosen;
    const head = h("button", { class: `shape ${shape.kind}`, type: "button", "aria-expanded": chosen, onclick: () => { this.#choose(shape); this.list.querySelector(".chosen .shape")?.focus(); } }, h("i"), h("span", {}, shape.name), h("span", { class: "soft small number" }, t("areas.drawn", { count: shape.polygon.length })));
    return h("li", { class: chosen ? "chosen" : "" }, head, chosen ? this.#form(shape, head) : null);
  }

  #form(shape, head) {
    const wrong = h("span", { class: "wrong small", id: "name-rule", hidden: this.shapes.named(shape) }, t("areas.name_rule"));
    const name = h("input", { class: "input", id: "shape-name", value: shape.name, maxLength: 32, "aria-describedby": "name-rule", autocomplete: "off", spellcheck: false });
    name.addEventListener("input", () => {
      shape.name = name.value;
      wrong.hidden = this.shapes.named(shape);
      name.setAttribute("aria-invalid", !wrong.hidden);
      say(head.children[1], shape.name);
      this.#edited();
    });
    const dwell = h("input", { class: "input", id: "shape-dwell", type: "number", min: 0, max: 3600, step: 0.5, value: (shape.dwell_ms ?? 0) / 1000 });
    dwell.addEventListener("input", () => {
      shape.dwell_ms = Math.round(Math.min(3600, Math.max(0, Number(dwell.value) || 0)) * 1000);
      this.#edited();
    });
    return h(
      "div",
      { class: "shape-form" },
      h("div", { class: "field" }, h("label", { for: "shape-name" }, t("areas.name")), name, wrong),
      shape.kind === "zone" ? h("div", { class: "field" }, h("label", { for: "shape-dwell" }, `${t("areas.dwell")} (${t("areas.dwell_unit")})`), dwell) : null,
      h(
        "div",
        { class: "row" },
        h("button", { class: "button", type: "button", onclick: () => { const at = splitLongest(shape.polygon); this.#show(); this.#edited(); this.handles[at].focus(); } }, icon("plus"), t("areas.add_corner")),
        h("button", { class: "button quiet", type: "button", onclick: () => { this.shapes.remove(shape); this.chosen = null; this.#show(); this.#edited(); this.node.querySelector(`[data-adds="${shape.kind}"]`).focus(); } }, icon("bin"), t("areas.remove")),
      ),
    );
  }

  // checking and writing

  #edited() {
    this.changed = true;
    this.save.disabled = true;
    clearTimeout(this.timer);
    if (!this.shapes.list.every((shape) => this.shapes.named(shape))) {
      fill(this.verdict, notice("bad", t("areas.name_rule")));
      return;
    }
    this.timer = setTimeout(() => this.#check(), CHECK_MS);
  }

  async #check() {
    const asked = JSON.stringify(this.shapes.areas());
    try {
      const { yaml } = await send("POST", `/api/cameras/${this.camera}/areas/check`, { json: this.shapes.areas(), signal: this.stopper.signal });
      if (asked !== JSON.stringify(this.shapes.areas())) return;
      this.yaml.value = yaml;
      fill(this.verdict, h("div", { class: "row" }, pill("good", t("areas.sound")), this.writable ? pill("warn", t("areas.changed")) : ""));
      this.save.disabled = false;
    } catch (error) {
      if (error.name === "AbortError") return;
      fill(this.verdict, h("div", { class: "reasons" }, (error.details?.length ? error.details : [error.message]).map((text) => notice("bad", text))));
    }
  }

  async #write() {
    this.save.disabled = true;
    const areas = this.shapes.areas();
    try {
      const written = await send("PUT", `/api/cameras/${this.camera}/areas`, { json: { ...areas, revision: this.revision } });
      this.revision = written.revision;
      if (JSON.stringify(areas) !== JSON.stringify(this.shapes.areas())) return; // what was drawn meanwhile is not written
      this.yaml.value = written.yaml;
      this.changed = false;
      const pending = notice("", t("areas.pending"));
      const done = await outcome(written, `cameras.${this.camera}`, pending, (node) => this.verdict.replaceChildren(node));
      if (!done) return;
      if (done.problem) this.verdict.replaceChildren(notice("bad", t("system.file_wrong", { problem: done.problem })));
      else this.verdict.replaceChildren(notice("good", t(done.restart_needed ? "areas.saved" : "areas.saved_now"), "check"));
    } catch (error) {
      this.save.disabled = false;
      const said = error.code === "conflict" ? t("areas.file_changed") : error.message;
      const texts = error.details?.length ? error.details : [said];
      this.verdict.replaceChildren(h("div", { class: "reasons" }, texts.map((text) => notice("bad", text))));
    }
  }

  async #copy() {
    this.yaml.select();
    try {
      await navigator.clipboard.writeText(this.yaml.value);
    } catch {
      document.execCommand("copy");
    }
    toast(t("areas.copied"));
  }
}
