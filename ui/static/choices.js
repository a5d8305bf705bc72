// The settings that the person chooses: what they ask for, and what is in force by the server's word.

export class Choices {
  constructor(pick, onChange) {
    this.pick = pick;
    this.onChange = onChange;
    this.values = { policy: undefined, voice: undefined, patience: undefined, model: undefined };
    this.unanswered = 0;
  }

  set(name, value) {
    if (this.values[name] === value) return;
    this.values[name] = value;
    this.onChange();
  }

  // A talk goes on. A page that was loaded anew shows what is in force; another one asks for what
  // was chosen while nobody was there.
  begin(session, isResumed) {
    this.unanswered = 0;
    if (isResumed && !this.session) this.adopt(session);
  }

  asked() {
    this.unanswered += 1;
  }

  // What was asked for is in force; or refused, and what was in force stays. While more is on its
  // way to the server, its word is not the last one.
  answered(session = this.session) {
    this.unanswered = Math.max(0, this.unanswered - 1);
    if (!this.unanswered && session) this.adopt(session);
  }

  adopt(session) {
    this.session = session;
    const { attune, audio } = session;
    // A model that was chosen counts from the next talk on.
    const model = this.values.model ?? session.model;
    const values = { policy: attune.policy, voice: audio.output.voice, patience: attune.patience, model };
    const isShown = Object.entries(values).every(([name, value]) => this.values[name] === value);
    this.values = values;
    this.pick("hold").checked = audio.input.turn_detection === null;
    this.pick("keep-words").checked = attune.keep_words;
    this.pick("keep-audio").checked = attune.keep_audio;
    // Gradio draws these, and asks for them when this button is pressed.
    if (!isShown) document.querySelector("#a-adopt")?.click();
  }

  // In the order of Gradio's controls.
  get shown() {
    const { voice, policy, model, patience } = this.values;
    return [voice, policy, model, patience];
  }
}
