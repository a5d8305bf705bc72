// Before anything is said, typed or played: what Attune is, and what becomes of the words.

const AGREED = "attune-consent";

export class Consent {
  constructor(dialog) {
    this.dialog = dialog;
    this.keeping = dialog.querySelector("#a-keeping");
  }

  get isGiven() {
    return Boolean(sessionStorage.getItem(AGREED));
  }

  // Where talks can be kept, each is asked about: a yes to one of them is none to the next.
  forget() {
    if (this.keeping.hidden) return;
    sessionStorage.removeItem(AGREED);
    this.keeping.querySelectorAll("input").forEach((box) => (box.checked = false));
  }

  // Resolves to whether the person agrees; asks once in a tab, or for each talk that can be kept.
  async ask() {
    if (this.isGiven) return true;
    this.asking ||= this.open().finally(() => (this.asking = null));
    return this.asking;
  }

  open() {
    this.dialog.returnValue = "";
    this.dialog.showModal();
    return new Promise((resolve) => {
      this.dialog.onclose = () => {
        const isAgreed = this.dialog.returnValue === "yes";
        if (isAgreed) sessionStorage.setItem(AGREED, "yes");
        resolve(isAgreed);
      };
    });
  }
}
