// The service worker: where the server cannot be reached, the page says so instead of the browser, and
// the talks that the tab keeps can still be read and saved. Nothing that is said passes through here.

const CACHE = "attune-offline";
const PAGE = "attune/static/app/offline.html";
const FILES = [
  PAGE,
  "attune/static/app/icon.svg",
  "attune/static/app/offline.js",
  "attune/static/look/attune.css",
  "attune/static/look/figtree.woff2",
  "attune/static/look/layout.css",
  "attune/static/look/panels.css",
  "attune/static/look/talk.css",
  "attune/static/panels/past.js",
  "attune/static/panels/saved.js",
  "attune/static/screen/element.js",
  "attune/static/screen/feeling.js",
  "attune/static/screen/telling.js",
  "attune/static/screen/turns.js",
  "attune/static/screen/written.js",
];

const addressOf = (file) => new URL(file, self.registration.scope).href;

self.addEventListener("install", (event) => {
  const requests = FILES.map((file) => new Request(addressOf(file), { cache: "reload" }));
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(requests)));
  self.skipWaiting();
});

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const isPage = request.mode === "navigate";
  if (!isPage && !FILES.some((file) => addressOf(file) === request.url)) return;
  event.respondWith(answer(event, request, isPage));
});

// The server's word where there is one, so that what is kept is never older than the last visit.
async function answer(event, request, isPage) {
  try {
    const found = await fetch(request);
    if (!isPage && found.ok) {
      const copy = found.clone();
      event.waitUntil(caches.open(CACHE).then((cache) => cache.put(request, copy)));
    }
    return found;
  } catch (error) {
    const kept = await caches.match(isPage ? addressOf(PAGE) : request.url);
    if (kept) return kept;
    throw error;
  }
}
