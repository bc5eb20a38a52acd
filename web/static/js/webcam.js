// The visitor's webcam: one picture at a time goes to the box, its annotated copy comes back and is shown.

import { Refused, send, session } from "./api.js";
import { fill, h, icon, notice, say } from "./dom.js";
import { foundTable } from "./found.js";
import * as format from "./format.js";
import { t } from "./strings.js";
import { pause } from "./video.js";

const QUALITY = 0.8;
const ANSWER_MS = 20_000; // a network that has gone tells nobody; a box that wakes its models takes seconds

export function webcamPanel() {
  const canvas = h("canvas", { width: 640, height: 360, role: "img", "aria-label": t("webcam.picture") });
  const rate = h("span", { class: "pill good", hidden: true });
  const trouble = h("div", { role: "alert" });
  const table = h("div", { class: "job-found" });
  const veil = h("div", { class: "veil" }, icon("webcam"), h("span"));
  const button = h("button", { class: "button main", type: "button", onclick: () => (run ? stop() : start()) }, icon("play"), h("span"));
  const node = h(
    "div",
    { class: "card webcam" },
    h("div", { class: "card-head" }, h("h2", {}, t("webcam.title")), rate, button),
    trouble,
    h("div", { class: "job-body" }, h("figure", { class: "screen" }, canvas, veil), table),
  );
  let run = null;

  function showState() {
    button.replaceChildren(icon(run ? "stop" : "play"), t(run ? "webcam.stop" : "webcam.start"));
    button.classList.toggle("main", !run);
    cover(t(run ? "webcam.opening" : "webcam.text"));
  }

  /** Say why there is no picture of now: the last one, and its rate, would be taken for it. */
  function cover(text) {
    rate.hidden = true;
    veil.hidden = false;
    say(veil.lastChild, text);
  }

  async function start() {
    trouble.replaceChildren();
    const mine = { stopper: new AbortController(), id: null, times: [] };
    run = mine;
    showState();
    let failure = null;
    try {
      const video = await openCamera(mine);
      mine.id = (await send("POST", "/api/webcam")).id;
      await loop(mine, video);
    } catch (error) {
      failure = mine.stopper.signal.aborted ? null : error; // an AbortError may be the browser's own, too
    }
    close(mine);
    if (failure && run === mine) {
      trouble.replaceChildren(notice("bad", reason(failure)));
    }
    if (run === mine) stop();
  }

  function stop() {
    const old = run;
    run = null;
    if (old) close(old);
    table.replaceChildren();
    delete table.dataset.state; // the same result after a new start is to be shown again
    showState();
  }

  function close(old) {
    old.stopper.abort();
    old.stream?.getTracks().forEach((track) => track.stop());
    if (old.id) send("DELETE", `/api/webcam/${old.id}`).catch(() => {});
    old.id = null;
  }

  async function openCamera(mine) {
    if (!navigator.mediaDevices) throw new DOMException("", "SecurityError");
    mine.stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: { width: { ideal: 1280 }, facingMode: "environment" } });
    const video = h("video", { muted: true, playsInline: true, srcObject: mine.stream });
    await video.play();
    return video;
  }

  async function loop(mine, video) {
    const width = Math.min(session.limits.webcam_width, video.videoWidth);
    const sheet = h("canvas", { width, height: Math.round((width * video.videoHeight) / video.videoWidth) });
    const { signal } = mine.stopper;
    while (run === mine && !signal.aborted) {
      // The last picture of a device that is pulled out, or taken back by the system, stays in the element.
      if (mine.stream.getVideoTracks()[0].readyState === "ended") throw new DOMException("", "NotReadableError");
      sheet.getContext("2d").drawImage(video, 0, 0, sheet.width, sheet.height);
      const body = await new Promise((resolve) => sheet.toBlob(resolve, "image/jpeg", QUALITY));
      try {
        const found = await answered(signal, (soon) => send("POST", `/api/webcam/${mine.id}/frames`, { body, type: "image/jpeg", signal: soon }));
        await show(mine, found);
        fill(trouble);
      } catch (error) {
        if (error.status === 404) mine.id = (await send("POST", "/api/webcam")).id;
        else if (error.status !== 429 && error.status !== 0) throw error;
        else {
          if (error.status === 0) {
            fill(trouble, notice("bad", t("webcam.again")));
            cover(""); // the notice says why
            mine.times = [];
          }
          await pause(error.status === 0 ? 2000 : 250, signal);
        }
      }
    }
  }

  async function show(mine, found) {
    if (run !== mine) return;
    if (found.picture === null) {
      cover(t("webcam.withheld"));
      return;
    }
    const bytes = Uint8Array.from(atob(found.picture), (letter) => letter.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
    if (run !== mine) return;
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
    veil.hidden = true;
    mine.times = [...mine.times.slice(-9), performance.now()];
    const [first] = mine.times;
    const seconds = (mine.times.at(-1) - first) / 1000;
    rate.hidden = !seconds;
    if (seconds) say(rate, t("webcam.rate", { fps: format.decimal((mine.times.length - 1) / seconds) }));
    const state = JSON.stringify(found.persons);
    if (table.dataset.state !== state) {
      table.dataset.state = state;
      table.replaceChildren(foundTable(found.persons, "image"));
    }
  }

  showState();
  return { node, pause: () => run && stop(), end: () => run && stop() };
}

/** Ask with a signal that also comes where no answer does. */
async function answered(signal, ask) {
  const soon = new AbortController();
  const end = () => soon.abort();
  const timer = setTimeout(() => soon.abort(new DOMException("", "TimeoutError")), ANSWER_MS);
  signal.addEventListener("abort", end);
  try {
    return await ask(soon.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
}

function reason(error) {
  const known = { NotAllowedError: "denied", SecurityError: "insecure", NotFoundError: "missing", OverconstrainedError: "missing", NotReadableError: "busy", AbortError: "busy" };
  // What else a browser says is in English, whatever language the page is in.
  return error instanceof Refused ? error.message : t(`webcam.${known[error.name] ?? "failed"}`);
}
