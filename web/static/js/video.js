// Live pictures of one camera on a canvas, each with the time at which it was captured.
//
// The stream is read with fetch, not shown by <img>, because an <img> cannot tell an old picture from a new one.
// Browsers open at most six connections to a server over HTTP/1.1, for all windows together; so at most three are
// used for streams, and pictures are fetched one by one elsewhere, of a camera by one window at a time: those of twenty
// would leave no connection to load a page or to serve somebody. Over plain http, where there are no locks, one window
// alone has streams, two at most, and each of the others asks for one picture at a time.

// Where the browser can, the stream is H.264 (stream.js), at a fraction of the bytes; where that fails, or comes too
// late, it is JPEGs in place of it, as small and as few as arrive in time.

import { Lead } from "./lead.js";
import { play, playable } from "./stream.js";

const STREAMS = navigator.locks ? 3 : 2;
const POLL_MS = 250;
const RETRY_MS = 2000;
const FILM_AGAIN_MS = 60_000;
const WIDTHS = [320, 640, 960, 1280];
const running = new Set();
const streams = new Lead("msh-streams", (held) => held || [...running].forEach((video) => video.again()));
let streaming = 0;
let lastPicture = Promise.resolve();

export class LiveVideo {
  /** shown: called with the capture time (ms since the epoch) of each picture that is drawn. */
  constructor(camera, canvas, shown) {
    this.camera = camera;
    this.canvas = canvas;
    this.shown = shown;
    this.stopper = null;
    this.next = null;
    this.drawing = false;
    this.shrink = 0;
    this.filmFrom = 0;
    this.misses = 0;
  }

  get running() {
    return this.stopper !== null;
  }

  start() {
    if (this.running) return;
    running.add(this);
    if (!navigator.locks) streams.join();
    this.again();
  }

  stop() {
    this.stopper?.abort();
    this.stopper = null;
    this.next = null;
    running.delete(this);
    if (!running.size) streams.leave();
  }

  /** Begin anew, in the way that is right now. */
  again() {
    this.stopper?.abort();
    this.stopper = new AbortController();
    this.next = null;
    this.#run(this.stopper.signal);
  }

  /** Ask for less from now on: pictures arrive too late. */
  slower() {
    if (this.shrink >= 3 || !this.running) return;
    this.shrink += 1;
    this.again();
  }

  #query() {
    const shown = Math.max(160, this.canvas.clientWidth) * Math.min(devicePixelRatio, 2);
    const step = WIDTHS.findIndex((width) => width >= shown * 0.8);
    const width = WIDTHS[Math.max(0, (step < 0 ? WIDTHS.length - 1 : step) - this.shrink)];
    return { width, fps: this.shrink > 1 || navigator.connection?.saveData ? 3 : 15 };
  }

  async #run(signal) {
    while (!signal.aborted) {
      const done = await slot((granted) => (granted ? this.#watch(signal) : this.#poll(signal)));
      if (!done) await pause(RETRY_MS, signal);
    }
  }

  /** Play the film while that goes well, else read pictures. */
  async #watch(signal) {
    if (this.shrink > 0 || performance.now() < this.filmFrom || !playable()) return this.#stream(signal);
    this.canvas.dataset.way = "film";
    const end = await play(`api/cameras/${this.camera}/video.mp4`, this.canvas, this.shown, signal);
    this.misses = end === "nothing" ? this.misses + 1 : 0;
    if (signal.aborted || end === "well") return true;
    if (this.misses === 1) return false;
    this.filmFrom = performance.now() + FILM_AGAIN_MS;
    return this.#stream(signal);
  }

  /** Read parts until the stream ends; true where it gave any. */
  async #stream(signal) {
    this.canvas.dataset.way = "pictures";
    const { width, fps } = this.#query();
    let any = false;
    try {
      const url = `api/cameras/${this.camera}/video.mjpg?width=${width}&fps=${fps}`;
      // Not as multipart: Safari ends a fetch of that before its first part.
      const answer = await fetch(url, { signal, cache: "no-store", headers: { Accept: "application/octet-stream" } });
      if (!answer.ok) return false;
      for await (const part of parts(answer.body.getReader())) {
        any = true;
        this.#take(part.bytes, part.capturedAt);
      }
    } catch {
      // the connection is gone, or nobody watches any more
    }
    return any;
  }

  async #poll(signal) {
    const { width } = this.#query();
    try {
      const found = await inTurn(this.camera, signal, async () => {
        const answer = await fetch(`api/cameras/${this.camera}/picture.jpg?width=${width}`, { signal, cache: "no-store", priority: "low" });
        return answer.ok ? { bytes: await answer.arrayBuffer(), capturedAt: answer.headers.get("X-Captured-At") } : null;
      });
      if (!found) return false;
      this.#take(found.bytes, found.capturedAt);
      await pause(POLL_MS, signal);
      return true;
    } catch {
      return false;
    }
  }

  /** Draw the newest picture; one that comes while another is decoded replaces any that waits. */
  async #take(bytes, capturedAt) {
    this.next = { bytes, capturedAt };
    if (this.drawing) return;
    this.drawing = true;
    while (this.next && this.running) {
      const picture = this.next;
      this.next = null;
      try {
        const bitmap = await createImageBitmap(new Blob([picture.bytes], { type: "image/jpeg" }));
        if (!this.running) break;
        if (this.canvas.width !== bitmap.width) this.canvas.width = bitmap.width;
        if (this.canvas.height !== bitmap.height) this.canvas.height = bitmap.height;
        this.canvas.getContext("2d").drawImage(bitmap, 0, 0);
        bitmap.close();
        this.shown(Date.parse(picture.capturedAt));
      } catch {
        // a damaged picture: the next one counts
      }
    }
    this.drawing = false;
  }
}

/** Yield the parts of a body as of multipart/x-mixed-replace, whose heads say their length. */
async function* parts(reader) {
  const ascii = new TextDecoder("latin1");
  let buffer = new Uint8Array(0);
  const more = async () => {
    const { done, value } = await reader.read();
    if (done) return false;
    const joined = new Uint8Array(buffer.length + value.length);
    joined.set(buffer);
    joined.set(value, buffer.length);
    buffer = joined;
    return true;
  };
  for (;;) {
    let end;
    while ((end = headEnd(buffer)) < 0) if (buffer.length > 65536 || !(await more())) return;
    const head = ascii.decode(buffer.subarray(0, end));
    const length = Number(/content-length:\s*(\d+)/i.exec(head)?.[1] ?? 0);
    if (!length) return;
    while (buffer.length < end + length) if (!(await more())) return;
    yield { bytes: buffer.slice(end, end + length), capturedAt: /x-captured-at:\s*(\S+)/i.exec(head)?.[1] };
    buffer = buffer.slice(end + length);
  }
}

/** Index behind the empty line that ends a part's head; -1 where it has not come yet. */
function headEnd(buffer) {
  for (let i = 3; i < buffer.length; i += 1) {
    if (buffer[i] === 10 && buffer[i - 1] === 13 && buffer[i - 2] === 10 && buffer[i - 3] === 13) {
      if (i > 12) return i + 1;
    }
  }
  return -1;
}

/** Run `use(true)` holding one of the browser's few streams, or `use(false)` where all are taken. */
async function slot(use) {
  if (streaming >= STREAMS) return use(false);
  if (!navigator.locks) return streams.held ? counted(use) : use(false);
  for (let number = 0; number < STREAMS; number += 1) {
    const result = await navigator.locks.request(`msh-stream-${number}`, { ifAvailable: true }, async (lock) =>
      lock ? { done: await counted(use) } : null,
    );
    if (result) return result.done;
  }
  return use(false);
}

function inTurn(camera, signal, ask) {
  if (navigator.locks) return navigator.locks.request(`msh-picture-${camera}`, { signal }, ask);
  const asked = lastPicture.then(ask);
  lastPicture = asked.catch(() => {});
  return asked;
}

async function counted(use) {
  streaming += 1;
  try {
    return await use(true);
  } finally {
    streaming -= 1;
  }
}

/** Wait so long, or until the signal comes. No listener is left behind: a screen on the wall waits for weeks. */
export function pause(ms, signal) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, signal?.aborted ? 0 : ms);
    signal?.addEventListener("abort", end);
  });
}
