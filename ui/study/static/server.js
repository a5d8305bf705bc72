// Requests to the study's server. What is to be saved is sent until the server says that it is: a server
// that was restarted, or a connection that was lost, costs a wait and no answer.

const LONGEST_WAIT_MS = 5000;

export class Refusal extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

export class Server {
  // `onWait` is told whether the server is being waited for.
  constructor(onWait) {
    this.onWait = onWait;
    this.tab = crypto.randomUUID ? crypto.randomUUID() : String(Math.random()).slice(2);
    const query = new URLSearchParams(location.search);
    this.participant = query.get("participant") || query.get("PROLIFIC_PID") || known();
    this.link = {};
    for (const key of ["STUDY_ID", "SESSION_ID"]) if (query.get(key)) this.link[key] = query.get(key);
    this.saving = Promise.resolve();
  }

  // One after the other, so that the answer given last is the one that counts.
  ask(action, fields = {}) {
    const asking = this.saving.then(() => this.send(action, fields));
    this.saving = asking.catch(() => {});
    return asking;
  }

  async send(action, fields) {
    for (let tries = 0; ; tries += 1) {
      const reply = await this.post(action, fields);
      if (reply) {
        this.onWait(false);
        return this.read(reply);
      }
      this.onWait(true);
      await new Promise((resolve) => setTimeout(resolve, Math.min(LONGEST_WAIT_MS, 250 * 2 ** tries)));
    }
  }

  async post(action, fields) {
    try {
      const reply = await fetch(`/study/api/${action}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ participant: this.participant, tab: this.tab, ...fields }),
      });
      // A proxy answers so while the server behind it starts.
      return [502, 503, 504].includes(reply.status) ? null : reply;
    } catch {
      return null;
    }
  }

  async read(reply) {
    const content = await reply.json();
    if (!reply.ok) throw new Refusal(content.code, content.message || "That did not work. Load the page again.");
    return content;
  }

  async join() {
    const page = await this.ask("join", { link: this.link, driven: navigator.webdriver === true });
    this.participant = page.participant;
    // A person without an id in the link finds the way back by this.
    remember(page.participant);
    return page;
  }
}

// A browser that keeps nothing for a page may refuse even to be asked.
function known() {
  try {
    return localStorage.getItem("study-participant") || "";
  } catch {
    return "";
  }
}

export function remember(participant) {
  try {
    if (participant) localStorage.setItem("study-participant", participant);
    else localStorage.removeItem("study-participant");
  } catch {
    // The link still holds the id.
  }
}
