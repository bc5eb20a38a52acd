// What became of a store file that this page has written, where the answer came before the box had taken it up.

import { send } from "./api.js";

const AGAIN_MS = 2000;
const pause = () => new Promise((done) => setTimeout(done, AGAIN_MS));

/**
 * Return the written answer as it is in the end; null where nobody waits for it any longer.
 * `pending` is a notice that `place` shows meanwhile; the questions end with it.
 */
export async function outcome(done, key, pending, place) {
  if (done.pending_since === null) return done;
  place(pending);
  for (;;) {
    await pause();
    const file = await send("GET", "/api/system").then((system) => system.store_file, () => null);
    if (!pending.isConnected) return null;
    if (!file || file.at === done.pending_since) continue;
    const waits = file.problem !== null || file.restart_needed.includes(key);
    return { ...done, problem: file.problem, restart_needed: waits, pending_since: null };
  }
}
