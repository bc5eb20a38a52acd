// The server-sent events: newest state of everything, whether the line to the box is up, and the box's clock.

const SILENCE_MS = 5000;
const KINDS = ["floor", "cameras", "system", "jobs"];

export const newest = {};
const listeners = { floor: new Set(), cameras: new Set(), system: new Set(), jobs: new Set(), link: new Set() };
let source = null;
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
  wanted = true;
  open();
}

export function disconnect() {
  wanted = false;
  close();
}

function tell(kind, data) {
  for (const call of listeners[kind]) call(data);
}

function open() {
  if (source || !wanted || document.hidden) return;
  clearTimeout(retry);
  source = new EventSource("/api/events");
  source.openedAt = Date.now();
  for (const kind of KINDS) source.addEventListener(kind, (event) => take(kind, JSON.parse(event.data)));
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
  if (!wanted || document.hidden) return;
  retry = setTimeout(open, retryMs * (0.75 + Math.random() / 2));
  retryMs = Math.min(retryMs * 2, 5000);
}

setInterval(() => {
  if (source && Date.now() - Math.max(heardAt, source.openedAt) > SILENCE_MS) again();
  if (!up) tell("link", linkState());
}, 1000);

document.addEventListener("visibilitychange", () => {
  if (document.hidden) close();
  else if (wanted) {
    setUp(false);
    open();
  }
});
