// Every request of the page. The contract is web/openapi.yaml.

import { setStore } from "./format.js";
import { t, tOr } from "./strings.js";

const MOST_LETTERS = 200;

export class Refused extends Error {
  constructor(status, code, message, details = []) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

/** An address of the API as seen from this page, which a proxy may show below a path of its own. */
export const at = (path) => path.replace(/^\//, "");

export let session = null;
const listeners = new Set();

/** Call back with the session whenever it changes. */
export function onSession(call) {
  listeners.add(call);
}

function setSession(found) {
  session = found;
  setStore(found.store);
  for (const call of listeners) call(found);
}

export async function openSession() {
  setSession(await send("GET", "/api/session"));
}

export async function signIn(token) {
  setSession(await send("POST", "/api/session", { json: { token } }));
}

export async function signOut() {
  await send("DELETE", "/api/session");
  await openSession();
}

/** A signal that comes after so many ms; Safari 15 has no AbortSignal.timeout. */
export function within(ms) {
  const ending = new AbortController();
  setTimeout(() => ending.abort(new DOMException("", "TimeoutError")), ms);
  return ending.signal;
}

/** Send a request; return its JSON, or null without one. Raises Refused, with a message for people. */
export function send(method, path, options) {
  return anew(() => ask(method, path, options), method !== "GET");
}

/** Do what changes something; once more with a new session where the box knows this page's no longer. */
async function anew(request, changes = true) {
  try {
    return await request();
  } catch (error) {
    if (!changes || error.code !== "csrf") throw error;
    await openSession();
    return request();
  }
}

async function ask(method, path, { json, body, signal, type } = {}) {
  const headers = {};
  if (method !== "GET") headers["X-CSRF-Token"] = session?.csrf ?? "";
  if (json !== undefined) headers["Content-Type"] = "application/json";
  if (type) headers["Content-Type"] = type;
  let answer;
  try {
    answer = await fetch(at(path), {
      method,
      headers,
      signal: signal ?? within(15000),
      body: json === undefined ? body : JSON.stringify(json),
      credentials: "same-origin",
      cache: "no-store",
    });
    // Within, for the connection may end between head and body.
    if (answer.ok) return answer.status === 204 ? null : await answer.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, "offline", t("error.offline"));
  }
  const refused = await refusal(answer.status, await answer.text().catch(() => ""));
  if (refused.code === "sign_in" && session?.signed_in) openSession().catch(() => {});
  throw refused;
}

export function refusal(status, text) {
  try {
    const { code, reason, message, details } = JSON.parse(text).error;
    return new Refused(status, code, tOr(`refused.${reason}`, tOr(`refused.${code}`, message)), details);
  } catch {
    return new Refused(status, "failed", t("error.status", { status }));
  }
}

/** A file's name as the box takes it. By letters: half of an emoji cannot be sent. */
export function sendable(name) {
  return [...name].slice(0, MOST_LETTERS).join("");
}

/** Send a file as it is, under a name that is sendable. `progress` gets 0 to 1. Returns the job; abort through `signal`. */
export function upload(file, options) {
  return anew(() => push(file, options));
}

function push(file, { name, progress, signal }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `api/jobs?name=${encodeURIComponent(name)}`);
    request.setRequestHeader("X-CSRF-Token", session?.csrf ?? "");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) progress(event.loaded / event.total);
    });
    request.upload.addEventListener("load", () => progress(1));
    request.addEventListener("load", () => {
      if (request.status === 201) resolve(JSON.parse(request.responseText));
      else reject(refusal(request.status, request.responseText));
    });
    request.addEventListener("error", () => reject(new Refused(0, "offline", t("error.upload"))));
    request.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}
