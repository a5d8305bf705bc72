// The page while its server is away: shows the talks that this tab keeps, and goes on when it is back.

import { Past, readUnderWay } from "../panels/past.js";

const LOOK_EVERY_MS = 5000;

const past = new Past(document.getElementById("a-past"));
const underWay = readUnderWay();
if (underWay) past.draw({ view: underWay, ended: new Date().toISOString() });

async function look() {
  try {
    await fetch(new URL("health", location.href), { cache: "no-store" });
    location.reload();
  } catch {
    // It is still away.
  }
}

document.getElementById("a-again").onclick = look;
setInterval(look, LOOK_EVERY_MS);
