// Before anything is said, typed or played: what Attune is, and what becomes of the words.

const AGREED = "attune-consent";

export class Consent {
  constructor(dialog) {
    this.dialog = dialog;
  }

  get isGiven() {
    return Boolean(sessionStorage.getItem(AGREED));
  }

  // Resolves to whether the person agrees; asks once in a tab.
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
