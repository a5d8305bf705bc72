// The socket: the realtime protocol, with the conversation kept when the connection is lost.

const LONGEST_WAIT_MS = 8000;

export class Socket {
  constructor({ onEvent, onState }) {
    this.onEvent = onEvent;
    this.onState = onState;
    this.socket = null;
    this.tries = 0;
    this.isWanted = false;
  }

  // Whether there is a talk that the server may still hold.
  get hasTalk() {
    return Boolean(sessionStorage.getItem("attune-session"));
  }

  connect() {
    this.isWanted = true;
    if (this.socket) return;
    const url = new URL("v1/realtime", document.baseURI);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    url.search = "?keep=1&wait=1";
    const session = sessionStorage.getItem("attune-session");
    this.isAskedToResume = Boolean(session);
    this.isResumed = false;
    if (session) url.searchParams.set("session", session);
    const socket = new WebSocket(url);
    this.socket = socket;
    socket.onmessage = ({ data }) => this.take(JSON.parse(data));
    socket.onclose = (event) => this.closed(socket, event);
  }

  take(event) {
    if (event.type === "session.created") {
      this.tries = 0;
      this.isResumed = sessionStorage.getItem("attune-session") === event.session.id;
      sessionStorage.setItem("attune-session", event.session.id);
    }
    if (event.type === "error" && event.error.code === "session_idle") this.isWanted = false;
    if (event.type === "error" && event.error.code === "no_capacity") this.isWanted = false;
    this.onEvent(event);
  }

  closed(socket, event) {
    if (socket !== this.socket) return;
    this.socket = null;
    if (event.code === 1000) sessionStorage.removeItem("attune-session");
    if (!this.isWanted || event.code === 1000) {
      this.isWanted = false;
      this.tries = 0;
      this.onState("closed");
      return;
    }
    this.tries += 1;
    this.onState("lost");
    const wait = Math.min(LONGEST_WAIT_MS, 250 * 2 ** this.tries);
    setTimeout(() => this.isWanted && this.connect(), wait);
  }

  get isOpen() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  send(event) {
    if (this.isOpen) this.socket.send(JSON.stringify(event));
  }

  end() {
    this.isWanted = false;
    this.tries = 0;
    sessionStorage.removeItem("attune-session");
    this.socket?.close(1000);
    this.socket = null;
  }
}
