// Live H.264 of one camera, drawn on a canvas picture by picture, each with the time at which it was captured.
//
// The video element stays out of the page: it decodes, and each picture that it presents is drawn with its own media
// time, so that an old picture is known for what it is here too. The element's clock is kept close to the newest
// picture. A fragment is said to last for a second (see pipelines/outputs/mp4_boxes.py), so the clock does not starve.

const LASTS_S = 1;
const BEHIND_S = 0.06;
const FAR_S = 1;
const KEEP_S = 8;
const SILENT_MS = 3000;
const MOST_JUMPS = 5;
const CALM_MS = 20_000;

/** iPhones have the managed kind alone (Media Source Extensions 2): the system may drop old parts of its buffer. */
function sourceClass() {
  return window.MediaSource ?? window.ManagedMediaSource;
}

/** Whether this browser can play such a stream, as far as it says. */
export function playable(type = 'video/mp4; codecs="avc1.42C01F"') {
  const source = sourceClass();
  return Boolean(source?.isTypeSupported(type)) && "requestVideoFrameCallback" in HTMLVideoElement.prototype;
}

/**
 * Play until the stream ends, the signal comes or something is wrong. Returns "well", "nothing" where the camera gave
 * nothing, or "badly": then another way must be taken. shown: called with the capture time (ms since the epoch) of
 * each drawn picture.
 */
export async function play(url, canvas, shown, signal) {
  const inner = new AbortController();
  const abort = () => inner.abort();
  signal.addEventListener("abort", abort, { once: true });
  let player = null;
  try {
    const answer = await fetch(url, { signal: inner.signal, cache: "no-store" });
    const type = answer.headers.get("Content-Type");
    if (answer.status === 503) return "nothing";
    if (!answer.ok || !playable(type)) return "badly";
    player = new Player(canvas, shown, abort);
    await player.open(type, Date.parse(answer.headers.get("X-Captured-At")), inner.signal);
    const reader = answer.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return player.drawn > 0 ? "well" : "badly";
      await player.append(value);
    }
  } catch {
    return signal.aborted ? "well" : "badly";
  } finally {
    signal.removeEventListener("abort", abort);
    inner.abort();
    player?.close();
  }
}

class Player {
  constructor(canvas, shown, fail) {
    this.canvas = canvas;
    this.shown = shown;
    this.fail = fail;
    this.drawn = 0;
    this.jumps = [];
    this.source = new (sourceClass())();
    this.video = document.createElement("video");
    this.video.muted = true;
    this.video.playsInline = true;
    this.video.disableRemotePlayback = true;  // a managed source opens only so
    this.video.addEventListener("error", fail);
    this.address = URL.createObjectURL(this.source);
  }

  async open(type, beganAt, signal) {
    this.beganAt = beganAt;
    this.video.src = this.address;
    await event(this.source, "sourceopen", signal);
    this.signal = signal;
    this.buffer = this.source.addSourceBuffer(type);
    this.watchdog = setInterval(() => this.#check(), 250);
    this.heardAt = this.drawnAt = performance.now();
    this.#await();
  }

  async append(bytes) {
    this.heardAt = performance.now();
    this.buffer.appendBuffer(bytes);
    await event(this.buffer, "updateend", this.signal);
    this.#follow();
    const from = this.buffer.buffered.length ? this.buffer.buffered.start(0) : 0;
    if (this.video.currentTime - from > KEEP_S) {
      this.buffer.remove(from, this.video.currentTime - KEEP_S / 2);
      await event(this.buffer, "updateend", this.signal);
    }
  }

  close() {
    this.closed = true;
    clearInterval(this.watchdog);
    this.video.removeEventListener("error", this.fail);
    this.video.pause();
    this.video.removeAttribute("src");
    this.video.load();
    URL.revokeObjectURL(this.address);
  }

  /** Keep the clock a little behind the newest picture: by its speed, and by a jump where it is far away. */
  #follow() {
    const { buffered } = this.buffer;
    if (!buffered.length) return;
    const newest = buffered.end(buffered.length - 1) - LASTS_S;
    const first = buffered.start(buffered.length - 1);
    const off = newest - BEHIND_S - this.video.currentTime;
    if (this.video.paused || this.video.currentTime < first || Math.abs(off) > FAR_S) {
      if (!this.video.paused) this.#count();
      this.video.currentTime = Math.max(first, newest - BEHIND_S);
    } else {
      this.video.playbackRate = Math.abs(off) < 0.03 ? 1 : Math.min(1.3, Math.max(0.7, 1 + off));
    }
    if (this.video.paused) this.video.play().catch(this.fail);
  }

  #count() {
    const now = performance.now();
    this.jumps = [...this.jumps.filter((at) => now - at < CALM_MS), now];
    if (this.jumps.length > MOST_JUMPS) this.fail();
  }

  /** Fail where pictures arrive but none is shown. */
  #check() {
    if (this.heardAt - this.drawnAt > SILENT_MS) this.fail();
  }

  #await() {
    this.video.requestVideoFrameCallback((_now, { mediaTime }) => {
      if (this.closed) return;
      this.drawnAt = performance.now();
      this.drawn += 1;
      const { videoWidth: width, videoHeight: height } = this.video;
      if (this.canvas.width !== width) this.canvas.width = width;
      if (this.canvas.height !== height) this.canvas.height = height;
      this.canvas.getContext("2d").drawImage(this.video, 0, 0);
      this.shown(this.beganAt + mediaTime * 1000);
      this.#await();
    });
  }
}

function event(target, name, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => reject(new Error("stopped"));
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    target.addEventListener(name, () => { signal.removeEventListener("abort", stop); resolve(); }, { once: true });
  });
}
