"use strict";
// Words follow the sound; a word, a time or a dot is where it goes on from.

class Talk {
  constructor(place) {
    this.sound = place.querySelector("audio");
    this.head = place.querySelector(".head");
    this.wholeS = Number(place.dataset.length);
    this.words = [...place.querySelectorAll(".w")].map((node) => ({
      node,
      from: Number(node.dataset.from),
      to: Number(node.dataset.to),
    }));
    this.spoken = [];
    if (this.sound) {
      this.sound.addEventListener("play", () => this.follow());
      this.sound.addEventListener("timeupdate", () => this.show());
      place.addEventListener("click", (event) => this.jump(event));
    } else {
      this.head?.remove();
      place.querySelectorAll("button[data-from]").forEach((button) => { button.disabled = true; });
    }
  }

  show() {
    const at = this.sound.currentTime;
    const now = this.words.filter((word) => word.from <= at && at < word.to);
    if (now.map((word) => word.from).join() !== this.spoken.map((word) => word.from).join()) {
      this.spoken.forEach((word) => word.node.classList.remove("now"));
      now.forEach((word) => word.node.classList.add("now"));
      if (now.length && !this.sound.paused) now[0].node.scrollIntoView({ block: "nearest" });
      this.spoken = now;
    }
    if (this.head) {
      const place = `${Math.min(100, (100 * at) / this.wholeS)}%`;
      this.head.setAttribute("x1", place);
      this.head.setAttribute("x2", place);
    }
  }

  // Browsers say four times a second how far they are; words are shorter than that.
  follow() {
    // Two talks at once are understood by nobody.
    talks.filter((one) => one !== this).forEach((one) => one.sound?.pause());
    const step = () => {
      this.show();
      if (!this.sound.paused) requestAnimationFrame(step);
    };
    step();
  }

  jump(event) {
    const target = event.target.closest("[data-from], [data-at]");
    if (!target) return;
    this.sound.currentTime = Number(target.dataset.from ?? target.dataset.at);
    // Whoever goes on to another talk at once takes this one back before it has begun.
    if (target.tagName === "BUTTON") this.sound.play().catch(() => {});
    this.show();
  }
}

const talks = [...document.querySelectorAll(".talk")].map((place) => new Talk(place));
