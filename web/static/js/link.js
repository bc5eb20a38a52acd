// The server-sent events: newest state of everything, whether the line to the box is up, and the box's clock.
//
// A browser opens at most six connections to a server over HTTP/1.1, for all windows together. So one window listens
// and passes on what it hears to the others.

import { Lead } from "./lead.js";

const SILENCE_MS = 5000;
const KINDS = ["floor", "cameras", "system", "desk", "jobs"];
// Behind a proxy other stores may share this origin, each below a path of its own.
const SHARED = `msh-news ${new URL(".", document.baseURI).pathname}`;

export const newest = {};
const listeners = Object.fromEntries([...KINDS, "link"].map((kind) => [kind, new Set()]));
const windows = new BroadcastChannel(SHARED);
const lead = new Lead(SHARED, (held) => (held ? open() : hear()));
let source = null;
let waitingSince = 0;
let heardAt = 0;
let retryMs = 500;
let retry = null;
let up = false;
let wanted = false;
let skew = 0;

/** The box's clock, in ms since the epoch. */
export function boxNow() {
  return Date.now() + skew;
}

/** Whether events arrive, and for how long they have not. */
export function linkState() {
  return { up, silentMs: heardAt ? Date.now() - heardAt : null };
}

/** Call back at every event of the kind; at once where one has come before. Returns how to end that. */
export function on(kind, call) {
  listeners[kind].add(call);
  if (kind in newest) call(newest[kind]);
  return () => listeners[kind].delete(call);
}

export function connect() {
  if (wanted) return;
  wanted = true;
  listen();
}

export function disconnect() {
  wanted = false;
  lead.leave();
}

/** Listen, now or when the window that does so goes; until then hear what that one passes on. */
function listen() {
  if (!wanted || document.hidden) return;
  waitingSince = Date.now();
  lead.join();
  if (!lead.held) hear();
}

function hear() {
  close();
  windows.postMessage({ ask: true });
}

windows.addEventListener("message", ({ data }) => {
  if (data.ask) {
    if (source) for (const kind of KINDS) if (kind in newest) windows.postMessage({ kind, data: newest[kind] });
  } else if (wanted && !source) take(data.kind, data.data);
});

function tell(kind, data) {
  for (const call of listeners[kind]) call(data);
}

function open() {
  if (source || !lead.held) return;
  clearTimeout(retry);
  source = new EventSource("api/events");
  waitingSince = Date.now();
  for (const kind of KINDS) {
    source.addEventListener(kind, (event) => {
      const data = JSON.parse(event.data);
      take(kind, data);
      windows.postMessage({ kind, data });
    });
  }
  source.addEventListener("bye", again);
  source.addEventListener("error", again);
}

function take(kind, data) {
  heardAt = Date.now();
  retryMs = 500;
  if (data.at) skew = Date.parse(data.at) - heardAt;
  newest[kind] = data;
  setUp(true);
  tell(kind, data);
}

function setUp(value) {
  if (up === value) return;
  up = value;
  tell("link", linkState());
}

function close() {
  source?.close();
  source = null;
  clearTimeout(retry);
}

function again() {
  close();
  setUp(false);
  if (!lead.held) return;
  retry = setTimeout(open, retryMs * (0.75 + Math.random() / 2));
  retryMs = Math.min(retryMs * 2, 5000);
}

setInterval(() => {
  if (Date.now() - Math.max(heardAt, waitingSince) > SILENCE_MS) {
    if (source) again();
    else setUp(false);
  }
  if (!up) tell("link", linkState());
}, 1000);

document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    lead.leave();
  } else if (wanted) {
    setUp(false);
    listen();
  }
});
