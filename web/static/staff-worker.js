// Keeps the phone page's own files, so that it opens and says what is wrong while the box is out of reach.
// Nothing of the API is ever kept: whatever is not in this list goes to the network as if this were not here.

// Behind a proxy other stores, of other versions too, and other applications share this origin, and with it the caches.
const FAMILY = "msh-staff-";
const STORE = ` ${new URL(".", self.location).pathname}`;
const CACHE = `${FAMILY}3${STORE}`;
const SHELL = [
  "staff",
  "staff.webmanifest",
  "favicon.svg",
  "css/base.css",
  "css/staff.css",
  "fonts/inter-latin.woff2",
  "icons/192.png",
  "js/staff.js",
  "js/api.js",
  "js/dom.js",
  "js/format.js",
  "js/offers.js",
  "js/signals.js",
  "js/strings.js",
  "js/theme.js",
  "strings.en.json",
  "strings.de.json",
  "strings.fr.json",
  "strings.es.json",
  "strings.it.json",
].map((path) => new URL(path, self.location).href);

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(SHELL)));
});

self.addEventListener("activate", (event) => {
  // Until number 2 all stores of an origin had one cache, without a path in its name.
  const ours = (name) => name.startsWith(FAMILY) && (name.endsWith(STORE) || !name.includes(" ")) && name !== CACHE;
  const old = (names) => Promise.all(names.filter(ours).map((name) => caches.delete(name)));
  event.waitUntil(caches.keys().then(old).then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  if (event.request.method !== "GET" || !SHELL.includes(event.request.url)) return;
  event.respondWith(newest(event.request));
});

/** The box's file where it answers, else the one that was kept. */
async function newest(request) {
  const cache = await caches.open(CACHE);
  try {
    const answer = await fetch(request);
    if (answer.ok) await cache.put(request, answer.clone());
    return answer;
  } catch (error) {
    const kept = await cache.match(request);
    if (kept) return kept;
    throw error;
  }
}
