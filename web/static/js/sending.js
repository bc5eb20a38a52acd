// Files on their way to the box. They go on while another page is shown; one that is refused stays until it is deleted.

import { onSession, send, sendable, session, upload } from "./api.js";
import { announce, askFirst, toast } from "./dom.js";
import * as format from "./format.js";
import { newest } from "./link.js";
import { t } from "./strings.js";

// Bytes: a file that is sent faster than somebody takes it back.
const SENT_AT_ONCE = 1_000_000;
// What the box will not take whenever it is sent: too large, of no known kind.
const FOR_GOOD = [413, 415];

const entries = new Map(); // by id, each like a job of the box
const discarded = new Set(); // by id: jobs of the box that this page deletes
let sending = false;
let page = null; // what shows them


/** The files that are not at the box, the first to be sent first. */
export function notSent() {
  return [...entries.values()];
}

/** Whether one of the jobs is this file: events may tell of it before its sending has been answered. */
export function isAmong(jobs, { name, progress, before }) {
  return progress === 1 && jobs.some((job) => job.name === name && !before.has(job.id));
}

/** Call back whenever a file's state changes, and with the job of each that the box has taken. Returns how to end that. */
export function onSending(calls) {
  page = calls;
  return () => { page = null; };
}

function show() {
  const isBusy = notSent().some(({ state }) => state !== "failed");
  (isBusy ? addEventListener : removeEventListener)("beforeunload", askFirst);
  page?.changed();
}

/** Send the files to the box, those that it may take. */
export function take(files) {
  const most = session.limits.upload_bytes;
  for (const file of files) {
    const { type, size } = file;
    const name = sendable(file.name);
    const entry = { id: `up-${crypto.getRandomValues(new Uint32Array(1))[0]}`, file, name, kind: type.startsWith("video") ? "video" : "image", persons: [] };
    entries.set(entry.id, entry);
    if (size > most) fail(entry, t("try.too_large", { name, bytes: format.bytes(most) }), { isNamed: true });
    else if (size === 0) fail(entry, t("try.empty_file", { name }), { isNamed: true });
    else queue(entry);
  }
  sendAll();
}

function queue(entry) {
  Object.assign(entry, { state: "queued", progress: 0, cancelled: false, error: null, again: null, stop: () => forget(entry, true) });
}

/** again: whether sending it once more may help; isNamed: the words name the file. */
function fail(entry, error, { again = false, isNamed = false } = {}) {
  const anew = () => { queue(entry); sendAll(); };
  Object.assign(entry, { state: "failed", progress: null, error, again: again ? anew : null, stop: () => forget(entry, true) });
  const said = isNamed ? error : `${entry.name}: ${error}`;
  if (page) announce(said);
  else toast(said, { bad: true });
  show();
}

function forget(entry, isSaid) {
  entries.delete(entry.id);
  if (isSaid) toast(t("job.deleted", { name: entry.name }));
  show();
}

/** One file at a time: the box takes few at once, from all who visit it, and works on one. */
async function sendAll() {
  show();
  if (sending) return;
  sending = true;
  for (let next; (next = notSent().find(({ state }) => state === "queued")); ) await push(next);
  sending = false;
}

async function push(entry) {
  const { file } = entry;
  const stopper = new AbortController();
  entry.state = "sending";
  entry.before = new Set(newest.jobs?.jobs.map(({ id }) => id));
  // What the box has whole by now can only be deleted there: its answer is waited for. A long rest is not sent.
  entry.stop = () => { entry.cancelled = true; if (entry.progress < 1 && file.size > SENT_AT_ONCE) stopper.abort(); };
  entry.abort = () => stopper.abort();
  show();
  try {
    const job = await upload(file, { name: entry.name, signal: stopper.signal, progress: (part) => { entry.progress = part; show(); } });
    if (!entry.cancelled || !(await discard(job))) page?.taken(job);
    forget(entry, false);
  } catch (error) {
    const isRead = await isReadable(file);
    if (error.name === "AbortError") forget(entry, entries.has(entry.id));
    else if (!entries.has(entry.id)) return;
    else if (!isRead) fail(entry, t("try.unreadable", { name: entry.name }), { isNamed: true });
    else fail(entry, error.message, { again: !FOR_GOOD.includes(error.status) });
  }
}

/** Whether the browser may still read it: not a folder that was dropped, nor a file that has changed since it was chosen. */
function isReadable(file) {
  return file.slice(0, 1).arrayBuffer().then(() => true, () => false);
}

/** Delete a job at the box. Returns whether it is gone. */
export async function discard({ id, name }) {
  discarded.add(id);
  try {
    await send("DELETE", `/api/jobs/${id}`);
  } catch (error) {
    if (error.status === 404) return true;
    toast(error.message, { bad: true });
    return false;
  }
  toast(t("job.deleted", { name }));
  return true;
}

/** Say which jobs ended with nothing: nobody would send their files again. before, now: the box's jobs. */
export function tellGone(before, now) {
  const isBusy = ({ state }) => state === "queued" || state === "running";
  const isGone = ({ id }) => !discarded.has(id) && !now.some((job) => job.id === id);
  for (const { name } of before.filter(isBusy).filter(isGone)) toast(t("job.gone", { name }), { bad: true });
}

onSession(({ may }) => {
  if (may.upload) return;
  const gone = notSent();
  entries.clear(); // whoever signs in next is shown none of them
  for (const { abort } of gone) abort?.();
  show();
});
