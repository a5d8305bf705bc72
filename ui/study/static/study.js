// A participant's way through a study: draws the page that the server says, sends each answer at once.

import { Audio } from "/attune/static/sound/audio.js";
import { button, make, paragraphs } from "./draw.js";
import { drawItem } from "./items.js";
import { Server, remember } from "./server.js";
import { SoundPage } from "./sound.js";
import { TalkPage } from "./talk.js";

const pick = (id) => document.getElementById(id);
const LAST = ["completed", "stopped", "withdrawn"];

// What the server says begins small, as commands print it.
const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

class Study {
  constructor() {
    this.server = new Server((isWaiting) => this.waits(isWaiting));
    this.audio = new Audio({
      onFrame: (frame) => this.part?.frame?.(frame),
      onPlayed: (report) => this.part?.played?.(report),
      onBreak: (isBroken) => this.problem(isBroken ? "The sound is interrupted, perhaps by a call." : ""),
      onLost: () => this.problem("The microphone was lost. Connect one, and load this page again."),
      onDevices: () => {},
    });
    pick("leave").onclick = () => this.leave("leave", "Do you want to stop? What you answered so far is kept.");
    pick("withdraw").onclick = () =>
      this.leave("withdraw", "Do you want to stop, and have all your answers and recordings deleted?");
    // Going back in the browser leaves the page where it is: finished pages stay finished.
    history.pushState(null, "");
    addEventListener("popstate", () => {
      history.pushState(null, "");
      this.problem("Please use the buttons on this page: there is no way back to finished pages.");
    });
    this.open();
  }

  open() {
    return this.act(async () => this.show(await this.server.join()));
  }

  async act(work) {
    this.problem("");
    try {
      await work();
    } catch (error) {
      if (error.code === "other_tab") this.otherTab();
      else if (error.code === "finished") this.show(await this.server.ask("page"));
      else if (this.page) this.problem(error.message);
      // Nothing was shown yet, and nothing will be: why stands where the page would.
      else pick("page").replaceChildren(make("p", { role: "alert" }, sentence(error.message)));
    }
  }

  show(page) {
    this.part?.leave?.();
    this.part = null;
    this.page = page;
    this.shownAt = performance.now();
    pick("title").textContent = page.title || "";
    document.title = page.title || "Study";
    pick("danger").textContent = page.danger || "";
    pick("contact").textContent = page.contact ? `Questions? ${page.contact}` : "";
    const isLast = LAST.includes(page.kind);
    // The next person at this computer is somebody else.
    if (isLast) remember("");
    pick("progress").hidden = isLast;
    pick("progress").max = page.of || 1;
    pick("progress").value = page.number || 0;
    pick("leave").hidden = pick("withdraw").hidden = isLast && page.kind === "withdrawn";
    pick("leave").hidden ||= isLast;
    // What "below" means is seen without a click.
    if (page.kind === "completed") pick("help").open = true;
    const main = pick("page");
    main.replaceChildren(...this.draw(page));
    pick("buttons").replaceChildren(...this.buttons(page));
    main.focus();
    scrollTo(0, 0);
  }

  draw(page) {
    const text = paragraphs(page.text);
    switch (page.kind) {
      case "information":
        return [make("h1", {}, page.title), ...text, ...paragraphs(page.disclosure), ...paragraphs(page.danger), ...this.contact(page)];
      case "consent":
        return this.consent(page);
      case "sound":
        this.part = new SoundPage(page, this.audio, this.server);
        this.part.onOther = (other) => this.show(other);
        return [make("h1", {}, "Sound"), ...text, ...this.part.draw()];
      case "talk":
        this.part = new TalkPage(page, this.audio, this.server, {
          onOver: () => this.done({}),
          onRefused: (event) => this.refused(event),
        });
        return [make("h1", {}, page.is_practice ? "Practice" : "Conversation"), ...text, ...this.part.draw()];
      case "questions":
        return this.questions(page, text);
      case "debrief":
        return [make("h1", {}, "Thank you"), ...text, ...this.contact(page)];
      case "completed":
        return this.completed(page);
      default:
        return [...text];
    }
  }

  // In the text itself where somebody decides, or may be troubled: the foot of the page is easily missed.
  contact(page) {
    return page.contact ? [make("p", {}, `Questions? ${page.contact}`)] : [];
  }

  consent(page) {
    const box = (name, words) =>
      make("label", { class: "choice" }, make("input", { type: "checkbox", "data-choice": name }), words);
    return [
      make("h1", {}, "Consent"),
      box("take_part", page.text),
      make("p", {}, "Each of these is up to you; you can take part without them."),
      ...Object.entries(page.choices).map(([name, words]) => box(name, words)),
    ];
  }

  questions(page, text) {
    const items = page.items.map((item, index) => {
      return drawItem(item, index + 1, page.given[item.name], (value, typing) => {
        const seconds = (performance.now() - this.shownAt) / 1000;
        const fields = { step: page.step, item: item.name, value, seconds, typing };
        this.act(() => this.server.ask("answer", fields));
        page.given[item.name] = value;
      });
    });
    return [make("h1", {}, page.heading || "Questions"), ...text, ...items, this.trap()];
  }

  // A question that no person meets, by eye, keyboard or screen reader: programs that fill in every field do.
  trap() {
    const box = make("input", { type: "text", name: "website", id: "website", tabindex: -1, autocomplete: "off" });
    return make("div", { class: "trap", "aria-hidden": "true", inert: true }, make("label", { for: "website" }, "Your website"), box);
  }

  completed(page) {
    const link = page.link ? make("p", {}, make("a", { href: page.link }, "Finish here")) : null;
    return [
      make("h1", {}, "You are done"),
      make("p", {}, "Thank you for taking part. Your completion code:"),
      make("p", { class: "code" }, page.code),
      ...(link ? [link] : []),
      make("p", {}, "You can still have your data deleted, below. Otherwise you can close this page."),
    ];
  }

  buttons(page) {
    if (LAST.includes(page.kind) || page.kind === "talk") return [];
    const all = [];
    if (page.can_go_back) all.push(button("Back", () => this.act(async () => this.show(await this.server.ask("back")))));
    if (page.kind === "consent") {
      all.push(button("I do not take part", () => this.done({ take_part: false })));
      all.push(button("I take part", () => this.agree(), { class: "main" }));
    } else all.push(button("Next", () => this.next(), { class: "main" }));
    return all;
  }

  agree() {
    const values = {};
    document.querySelectorAll("[data-choice]").forEach((box) => (values[box.dataset.choice] = box.checked));
    if (!values.take_part) return this.problem("Please tick the first box to take part, or choose not to.");
    return this.done(values);
  }

  next() {
    const { page } = this;
    if (page.kind === "questions") {
      const isOpen = (item) => item.required && (page.given[item.name] ?? null) === null;
      const missing = page.items.filter(isOpen);
      missing.forEach((item) => document.querySelector(`[data-item="${item.name}"]`).classList.add("missing"));
      if (missing.length) {
        document.querySelector(`[data-item="${missing[0].name}"]`).scrollIntoView({ block: "center" });
        return this.problem(`Please answer all questions: ${missing.length} to go.`);
      }
    }
    if (page.kind === "sound") return this.done(this.part.values);
    return this.done(document.getElementById("website")?.value ? { trap: true } : {});
  }

  done(values) {
    return this.act(async () => this.show(await this.server.ask("done", { step: this.page.step, values })));
  }

  refused(event) {
    if (event.code === "other_tab") return this.otherTab();
    this.problem(event.text);
    return this.act(async () => this.show(await this.server.ask("page"))).then(() => this.problem(event.text));
  }

  otherTab() {
    this.part?.leave?.();
    this.part = null;
    pick("page").replaceChildren(
      make("h1", {}, "Open in another window"),
      make("p", {}, "The study is open in another window or tab. Please go on there."),
    );
    pick("buttons").replaceChildren(button("Go on here", () => this.open(), { class: "main" }));
  }

  async leave(action, question) {
    const dialog = pick("sure");
    pick("sure-text").textContent = question;
    dialog.returnValue = "no";
    dialog.showModal();
    await new Promise((resolve) => (dialog.onclose = resolve));
    if (dialog.returnValue !== "yes") return;
    this.part?.leave?.();
    await this.act(async () => this.show(await this.server.ask(action)));
  }

  waits(isWaiting) {
    this.problem(isWaiting ? "The server does not answer. Your answers are kept here and sent again …" : "");
  }

  problem(text) {
    pick("problem").textContent = sentence(text);
    pick("problem").hidden = !text;
  }
}

window.study = new Study();
