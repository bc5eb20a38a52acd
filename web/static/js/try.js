// Second page: a picture, a video or the visitor's webcam through the same analysis.

import { at, session } from "./api.js";
import { announce, empty, h, icon, isStill, notice, reconcile, say } from "./dom.js";
import { takeDropped, takePasted } from "./dropping.js";
import * as format from "./format.js";
import { foundTable } from "./found.js";
import { boxNow, newest, on } from "./link.js";
import { discard, isAmong, notSent, onSending, take, tellGone } from "./sending.js";
import { t } from "./strings.js";
import { webcamPanel } from "./webcam.js";

// A hint for the file dialog; the box knows files by their content.
const ACCEPT = "image/*,video/*,.heic,.heif,.avif,.tif,.tiff,.jfif,.mkv,.avi,.mov,.3gp,.ts";

export function tryPage(main) {
  const { upload_bytes, result_minutes } = session.limits;
  const files = filesPanel(upload_bytes, () => choose("files"));
  const webcam = webcamPanel();
  const panels = { files, webcam };
  const buttons = Object.keys(panels).map((name) =>
    h("button", { class: "mode", type: "button", role: "tab", id: `mode-${name}`, "aria-controls": `panel-${name}`, onclick: () => choose(name), onkeydown: arrows }, icon(name === "files" ? "upload" : "webcam"), t(`try.${name}`)),
  );
  function choose(name) {
    for (const [index, [key, panel]] of Object.entries(panels).entries()) {
      const chosen = key === name;
      buttons[index].setAttribute("aria-selected", chosen);
      buttons[index].tabIndex = chosen ? 0 : -1;
      panel.node.hidden = !chosen;
      if (!chosen) panel.pause?.();
    }
  }
  function arrows(event) {
    if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
    const other = buttons.find((button) => button !== event.currentTarget);
    other.focus();
    other.click();
  }
  for (const [name, panel] of Object.entries(panels)) {
    panel.node.id = `panel-${name}`;
    panel.node.setAttribute("role", "tabpanel");
    panel.node.setAttribute("aria-labelledby", `mode-${name}`);
  }
  main.replaceChildren(
    h(
      "div",
      { class: "page try" },
      h("div", { class: "page-head" }, h("h1", {}, t("try.title")), h("p", {}, t("try.text", { count: result_minutes }))),
      h("div", { class: "modes", role: "tablist", "aria-label": t("try.modes") }, buttons),
      files.node,
      webcam.node,
    ),
  );
  choose("files");
  return () => {
    files.end();
    webcam.end();
  };
}

/** most: bytes of a file; choose: brings the panel to the front. */
function filesPanel(most, choose) {
  const cards = new Map();
  const nodes = new Map();
  let jobs = newest.jobs?.jobs ?? [];
  const input = h("input", { type: "file", id: "file", accept: ACCEPT, multiple: true, hidden: true, onchange: () => { take(input.files); input.value = ""; } });
  const drop = h(
    "div",
    { class: "drop" },
    icon("upload"),
    h("b", {}, t("try.drop")),
    h("button", { class: "button main", type: "button", onclick: () => input.click() }, t("try.choose")),
    h("span", { class: "soft small" }, t("try.kinds", { bytes: format.bytes(most) })),
    input,
  );
  const list = h("ul", { class: "jobs" });
  const none = h("div", { class: "card" }, empty("image", t("try.none"), t("try.none_text")));
  const node = h("div", { class: "files" }, drop, h("div", {}, list, none));

  function show() {
    const entries = [...notSent().filter((entry) => !isAmong(jobs, entry)), ...jobs];
    reconcile(list, nodes, entries, {
      key: (job) => job.id,
      make: (job) => {
        const card = new JobCard(job, remove);
        cards.set(job.id, card);
        return card.node;
      },
      update: (_, job) => cards.get(job.id).update(job),
    });
    none.hidden = entries.length > 0;
  }
  async function remove(job) {
    if (job.stop) {
      job.stop();
      return;
    }
    if (!(await discard(job))) return;
    jobs = jobs.filter((known) => known.id !== job.id);
    show();
  }
  const taken = (job) => { if (!jobs.some((known) => known.id === job.id)) jobs = [job, ...jobs]; };
  const takeJobs = (found) => {
    tellGone(jobs, found.jobs);
    jobs = [...found.jobs].sort((a, b) => b.created_at.localeCompare(a.created_at));
    show();
  };
  const takeHere = (files) => { choose(); take(files); };
  const ends = [takeDropped(document, drop, takeHere), takePasted(takeHere), onSending({ changed: show, taken }), on("jobs", takeJobs)];
  const timer = setInterval(() => { for (const [id, card] of cards) if (nodes.has(id)) card.tick(); else cards.delete(id); }, 1000);
  show();
  return { node, end: () => { ends.forEach((end) => end()); clearInterval(timer); } };
}

class JobCard {
  constructor(job, remove) {
    this.state = h("span", { class: "pill" });
    this.button = h("button", { class: "button quiet", type: "button", onclick: () => remove(this.job) }, icon("bin"), h("span"));
    this.bar = h("i");
    this.meter = h("div", { class: "meter", role: "progressbar", "aria-label": t("job.progress", { name: job.name }), "aria-valuemin": 0, "aria-valuemax": 100 }, this.bar);
    this.body = h("div", { class: "job-body" });
    this.left = h("span", { class: "soft small number" });
    this.node = h(
      "li",
      { class: "card job" },
      h("div", { class: "card-head" }, h("h2", { title: job.name }, icon(job.kind === "video" ? "film" : "image"), h("span", { dir: "auto" }, job.name)), this.left, this.state, this.button),
      this.meter,
      this.body,
    );
    this.shown = null;
  }

  update(job) {
    const was = this.job?.state;
    this.job = job;
    const busy = job.state !== "done" && job.state !== "failed";
    this.state.className = `pill ${{ done: "good", failed: "bad" }[job.state] ?? ""}`;
    const percent = job.progress === null ? null : Math.round(job.progress * 100);
    const waiting = job.state === "queued" && job.position ? t("job.queued_behind", { count: job.position }) : t(`job.${job.state}`);
    say(this.state, busy && percent !== null && job.state !== "queued" ? `${waiting} ${format.percent(job.progress)}` : waiting);
    say(this.button.lastChild, t(busy ? "job.cancel" : "job.delete"));
    this.button.setAttribute("aria-label", `${t(busy ? "job.cancel" : "job.delete")}: ${job.name}`);
    this.meter.hidden = !busy;
    this.meter.classList.toggle("unknown", busy && percent === null);
    this.bar.style.width = `${percent ?? 0}%`;
    if (percent === null) this.meter.removeAttribute("aria-valuenow");
    else this.meter.setAttribute("aria-valuenow", percent);
    if (was && was !== job.state && job.state === "failed" && !job.stop) announce(`${job.name}: ${whyFailed(job)}`);
    if (was && was !== "done" && job.state === "done") announce(t("job.finished", { name: job.name, count: job.persons.length }));
    if (this.shown !== job.state) {
      this.shown = job.state;
      this.body.replaceChildren(...this.#content(job));
    }
    this.tick();
  }

  tick() {
    const { expires_at } = this.job;
    say(this.left, expires_at ? t("job.expires", { time: format.duration(Date.parse(expires_at) - boxNow()) }) : "");
  }

  #content(job) {
    if (job.state === "failed") {
      const again = job.again ? [h("button", { class: "button", type: "button", onclick: job.again }, icon("again"), t("job.again"))] : [];
      return [notice("bad", whyFailed(job)), ...again];
    }
    if (job.state !== "done") return [];
    const found = h("div", { class: "job-found" }, foundTable(job.persons, job.kind, job.unworn));
    if (job.frames_withheld) found.append(notice("", t("job.withheld", { count: job.frames_withheld })));
    for (const [index, note] of (job.notes ?? []).entries()) found.append(notice("", format.told(note, job.note_causes?.[index])));
    if (!job.result) return [found];
    const label = t("job.picture", { name: job.name });
    const media = job.result.type.startsWith("video/")
      ? h("video", { src: at(job.result.url), controls: true, muted: true, autoplay: !isStill(), playsInline: true, preload: "auto", loop: true, "aria-label": label })
      : h("img", { src: at(job.result.url), alt: label });
    found.append(h("a", { class: "button", href: `${at(job.result.url)}?download=1`, download: "" }, icon("download"), `${t("job.download")} (${format.bytes(job.result.bytes)})`));
    return [h("figure", {}, media), found];
  }
}

function whyFailed({ error, error_cause }) {
  return error ? format.told(error, error_cause) : t("job.failed");
}
