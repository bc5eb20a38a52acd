// One camera on the floor: its live picture, a button around each person in it, and the truth about its age.

import { h, icon, reconcile, say } from "./dom.js";
import * as format from "./format.js";
import { boxNow, linkState } from "./link.js";
import { worth } from "./people.js";
import { t } from "./strings.js";
import { LiveVideo } from "./video.js";

const STALE_MS = 3000;
const LATE_MS = 2000;

export class Tile {
  /** point: called with a person's key, or null, as the pointer or the keyboard goes over people; pick: at a click. */
  constructor(camera, { point, pick, enlarge }) {
    this.camera = camera;
    this.title = format.title(camera);
    this.calls = { point, pick };
    this.canvas = h("canvas", { width: 16, height: 9, "aria-hidden": "true" });
    this.video = new LiveVideo(camera, this.canvas, (at) => this.#shown(at));
    this.boxes = h("div", { class: "boxes" });
    this.nodes = new Map();
    this.name = h("span", { class: "tile-name", dir: "auto", title: this.title }, this.title);
    this.state = h("span", { class: "pill" });
    this.rate = h("span", { class: "tile-rate number" });
    this.veil = h("div", { class: "veil" });
    this.node = h(
      "section",
      { class: "tile", "aria-label": t("camera.label", { camera: format.title(camera) }) },
      h("div", { class: "screen" }, this.canvas, this.boxes, this.veil),
      h(
        "div",
        { class: "tile-foot" },
        this.name,
        this.state,
        this.rate,
        h("button", { class: "icon-button enlarge", type: "button", "aria-label": t("camera.enlarge", { camera: format.title(camera) }), onclick: () => enlarge(camera) }, icon("large")),
      ),
    );
    this.capturedAt = null;
    this.lateSince = null;
    this.visible = false;
    this.watcher = new IntersectionObserver((entries) => { // several at once where the browser was busy
      this.visible = entries.at(-1).isIntersecting;
      this.check();
    });
    this.watcher.observe(this.node);
  }

  end() {
    this.watcher.disconnect();
    this.video.stop();
  }

  /** Take the camera's status. */
  update(status) {
    this.status = status;
    this.check();
  }

  /** Start or stop the video, and say what the picture is worth now; called each second as well. */
  check() {
    const live = this.status?.state === "live";
    const { up } = linkState();
    if (this.visible && !document.hidden && up && live) this.video.start();
    else this.video.stop();
    const age = this.capturedAt === null ? null : boxNow() - this.capturedAt;
    const fresh = live && up && age !== null && age < STALE_MS;
    this.node.classList.toggle("stale", !fresh);
    this.#veil(fresh, live, up, age);
    const kind = fresh ? "good" : up && live ? "" : "bad";
    this.state.className = `pill ${this.status?.state === "disabled" ? "" : kind}`;
    say(this.state, fresh ? t("state.live") : this.#stateText(live, up));
    say(this.rate, fresh ? t("camera.rate", { count: Math.round(this.status.fps) }) : "");
  }

  #stateText(live, up) {
    if (!up) return t("state.unknown");
    if (live && this.status.suspended) return t("state.suspended");
    if (live) return t(this.capturedAt === null ? "state.opening" : "state.stale");
    return t(`state.${this.status?.state ?? "unknown"}`);
  }

  #veil(fresh, live, up, age) {
    this.veil.hidden = fresh;
    if (fresh) return;
    const status = this.status;
    const missing = status?.last_frame_at ? boxNow() - Date.parse(status.last_frame_at) : age;
    let head = t("camera.opening");
    let text = "";
    if (!up) {
      head = t("link.lost");
      text = age === null ? "" : t("camera.picture_from", { age: format.duration(age) });
    } else if (status?.state === "disabled") {
      head = t("state.disabled");
    } else if (live && status.suspended) {
      head = t("state.suspended");
      text = t("camera.suspended_text");
    } else if (!live || (age !== null && age >= STALE_MS)) {
      head = missing === null
        ? t("camera.never", { camera: format.title(this.camera) })
        : t("camera.stale", { camera: format.title(this.camera), age: format.duration(Math.max(missing, live ? age : 0)) });
      text = live || !status ? "" : format.remedy(status);
    }
    if (!this.veil.firstChild) this.veil.append(icon("clock"), h("b"), h("span"));
    say(this.veil.querySelector("b"), head);
    say(this.veil.querySelector("span"), text);
  }

  #shown(capturedAt) {
    if (Number.isNaN(capturedAt)) return;
    this.capturedAt = capturedAt;
    const now = Date.now();
    if (boxNow() - capturedAt < LATE_MS) this.lateSince = null;
    else if (this.lateSince === null) this.lateSince = now;
    else if (now - this.lateSince > 3000) {
      this.lateSince = null;
      this.video.slower();
    }
    if (this.node.classList.contains("stale")) this.check();
  }

  /** Put a button around each person of this camera. `people`: with `key`; `chosen`: the key that stands out. */
  people(people, chosen) {
    reconcile(this.boxes, this.nodes, people.filter((person) => person.visible), {
      key: (person) => person.key,
      make: (person) => {
        const node = h("button", {
          class: "box",
          type: "button",
          onpointerenter: () => this.calls.point(person.key),
          onpointerleave: () => this.calls.point(null),
          onfocus: () => this.calls.point(person.key),
          onblur: () => this.calls.point(null),
          onclick: () => this.calls.pick(person.key, true),
        });
        return node;
      },
      update: (node, person) => {
        const { x, y, w, h: tall } = person.box;
        Object.assign(node.style, { left: `${x * 100}%`, top: `${y * 100}%`, width: `${w * 100}%`, height: `${tall * 100}%` });
        node.classList.toggle("chosen", person.key === chosen);
        node.setAttribute("aria-label", t("person.in_picture", { rank: person.rank, total: worth(person) }));
        node.setAttribute("aria-pressed", person.key === chosen);
      },
    });
  }

  /** Make one person stand out. */
  choose(chosen) {
    for (const [key, node] of this.nodes) {
      node.classList.toggle("chosen", key === chosen);
      node.setAttribute("aria-pressed", key === chosen);
    }
  }
}
