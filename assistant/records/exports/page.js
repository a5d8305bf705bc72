
"use strict";
// Words follow the sound; a word, a time or a dot is where it goes on from.
const sound = document.getElementById("sound");
const head = document.getElementById("head");
const wholeS = Number(document.querySelector("main").dataset.length);
const words = [...document.querySelectorAll(".w")].map((node) => ({
  node,
  from: Number(node.dataset.from),
  to: Number(node.dataset.to),
}));
let spoken = [];

function show() {
  const at = sound.currentTime;
  const now = words.filter((word) => word.from <= at && at < word.to);
  if (now.map((word) => word.from).join() !== spoken.map((word) => word.from).join()) {
    spoken.forEach((word) => word.node.classList.remove("now"));
    now.forEach((word) => word.node.classList.add("now"));
    if (now.length && !sound.paused) now[0].node.scrollIntoView({ block: "nearest" });
    spoken = now;
  }
  if (head) {
    const place = `${Math.min(100, (100 * at) / wholeS)}%`;
    head.setAttribute("x1", place);
    head.setAttribute("x2", place);
  }
}

// Browsers say four times a second how far they are; words are shorter than that.
function follow() {
  show();
  if (!sound.paused) requestAnimationFrame(follow);
}

function jump(event) {
  const target = event.target.closest("[data-from], [data-at]");
  if (!target) return;
  sound.currentTime = Number(target.dataset.from ?? target.dataset.at);
  if (target.tagName === "BUTTON") sound.play();
  show();
}

if (sound) {
  sound.addEventListener("play", follow);
  sound.addEventListener("timeupdate", show);
  document.querySelector("main").addEventListener("click", jump);
} else {
  head?.remove();
  document.querySelectorAll("button[data-from]").forEach((button) => { button.disabled = true; });
}
