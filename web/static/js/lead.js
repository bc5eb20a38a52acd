// Of all windows of a browser that want something one has it: the lead.
//
// Over https, or on the box itself, the browser's locks say which. Over plain http there are none: windows that are in
// sight tell each other that they are there, and whoever has been there longest leads. A window is not asked before
// it leads, so at its start, or while another one stands still, two may do so for a moment.

const TELL_MS = 1000;
const GONE_MS = 3000;

export class Lead {
  /** changed: called with whether this window leads, each time that changes. */
  constructor(name, changed) {
    this.name = name;
    this.changed = changed;
    this.held = false;
    this.ending = null;
  }

  /** Take the lead, now or when the windows that came before are gone. */
  join() {
    if (this.ending) return;
    this.ending = new AbortController();
    if (navigator.locks) this.#lock(this.ending.signal);
    else this.#agree(this.ending.signal);
  }

  leave() {
    this.ending?.abort();
    this.ending = null;
    this.#set(false);
  }

  #set(held) {
    if (this.held === held) return;
    this.held = held;
    this.changed(held);
  }

  #lock(signal) {
    const hold = () => {
      if (signal.aborted) return null;
      this.#set(true);
      return new Promise((done) => signal.addEventListener("abort", done));
    };
    navigator.locks.request(this.name, { signal }, hold).catch(() => {});
  }

  #agree(signal) {
    const windows = new BroadcastChannel(`${this.name} lead`);
    const others = new Map(); // by id: since when, and when it was heard last
    const own = { id: Math.random(), since: performance.timeOrigin + performance.now() };
    const judge = () => {
      for (const [id, { heardAt }] of others) if (performance.now() - heardAt > GONE_MS) others.delete(id);
      this.#set([...others].every(([id, { since }]) => since > own.since || (since === own.since && id > own.id)));
    };
    windows.addEventListener("message", ({ data: { id, since, ask, gone } }) => {
      if (signal.aborted) return;
      others.set(id, { since, heardAt: performance.now() });
      if (gone) others.delete(id);
      if (ask) windows.postMessage(own);
      judge();
    });
    windows.postMessage({ ...own, ask: true });
    const timer = setInterval(() => { windows.postMessage(own); judge(); }, TELL_MS);
    signal.addEventListener("abort", () => {
      clearInterval(timer);
      windows.postMessage({ ...own, gone: true });
      windows.close();
    });
    judge();
  }
}
