// Keeps the screen on while somebody talks: a phone that locks itself closes the microphone.

export class Awake {
  constructor() {
    this.isWanted = false;
    // The browser lets go whenever the page is out of sight.
    document.addEventListener("visibilitychange", () => !document.hidden && this.look());
  }

  keep(isWanted) {
    if (this.isWanted === isWanted) return;
    this.isWanted = isWanted;
    this.look();
  }

  async look() {
    if (!navigator.wakeLock) return;
    try {
      if (this.isWanted && (!this.lock || this.lock.released)) {
        this.lock = await navigator.wakeLock.request("screen");
      }
      if (!this.isWanted) await this.lock?.release();
    } catch {
      // Refused where the battery is low: the talk goes on without.
    }
  }
}
