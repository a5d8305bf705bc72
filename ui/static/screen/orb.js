// The living picture: it says by its form what goes on, and by its motion how loud it is. A person
// who wants no motion sees the same forms stand still.

const CALM = matchMedia("(prefers-reduced-motion: reduce)");
const DARK = matchMedia("(prefers-color-scheme: dark)");
const FRAME_MS = { idle: 70, muted: 70, paused: 70, broken: 120 };
const USUAL_FRAME_MS = 33;

// What each form is made of, in [0, 1] but for `disc`, the radius of its middle as part of the width:
// a ring that is open to sound, waves that come in, dots that circle, edges that swing, a slash, dashes.
const NOTHING = { disc: 0.28, fill: 1, ring: 0, waves: 0, dots: 0, swing: 0, halo: 0, slash: 0, bars: 0, dashes: 0 };
export const FORMS = {
  idle: { ...NOTHING, disc: 0.31, halo: 0.5 },
  listening: { ...NOTHING, disc: 0.24, ring: 1 },
  hearing: { ...NOTHING, disc: 0.19, ring: 1, waves: 1 },
  thinking: { ...NOTHING, disc: 0.19, dots: 1 },
  speaking: { ...NOTHING, disc: 0.29, swing: 1, halo: 1 },
  muted: { ...NOTHING, disc: 0.29, fill: 0, slash: 1 },
  paused: { ...NOTHING, disc: 0.29, fill: 0, bars: 1 },
  broken: { ...NOTHING, disc: 0.15, fill: 0.4, dashes: 1 },
};

export class Orb {
  constructor(canvas, levels) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.levels = levels;
    this.state = "idle";
    this.form = { ...FORMS.idle };
    this.level = { person: 0, assistant: 0 };
    this.emotion = "";
    this.colour = null;
    this.feel("");
    DARK.addEventListener("change", () => this.feel(this.emotion));
    requestAnimationFrame((time) => this.step(time));
  }

  // The colour of an emotion; the page's own where there is none.
  feel(emotion) {
    this.emotion = emotion;
    const name = emotion && emotion !== "neutral" ? emotion : "accent";
    const hex = getComputedStyle(document.documentElement).getPropertyValue(`--a-${name}`).trim();
    this.target = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
    this.colour ||= [...this.target];
  }

  step(time) {
    requestAnimationFrame((next) => this.step(next));
    if (time - (this.drawn || 0) < (FRAME_MS[this.state] || USUAL_FRAME_MS)) return;
    this.drawn = time;
    if (CALM.matches) this.still();
    else this.move(time / 1000);
  }

  // Drawn once for each state and colour.
  still() {
    const look = `${this.state} ${this.target}`;
    if (look === this.look) return;
    this.look = look;
    this.form = { ...FORMS[this.state] };
    this.colour = [...this.target];
    this.level = { person: 0.3, assistant: 0.3 };
    this.paint(0.4);
  }

  move(seconds) {
    this.look = "";
    const levels = this.levels();
    for (const who of ["person", "assistant"]) {
      this.level[who] += (Math.min(1, 7 * levels[who]) - this.level[who]) * 0.35;
    }
    const goal = FORMS[this.state];
    for (const part of Object.keys(goal)) this.form[part] += (goal[part] - this.form[part]) * 0.16;
    this.colour = this.colour.map((value, i) => value + (this.target[i] - value) * 0.08);
    this.paint(seconds);
  }

  tone(alpha, lighter = 0) {
    const [r, g, b] = this.colour.map((value) => Math.round(Math.min(255, value + lighter)));
    return `rgba(${r}, ${g}, ${b}, ${alpha})`;
  }

  paint(seconds) {
    const { width } = this.canvas;
    const { context: g, form } = this;
    g.clearRect(0, 0, width, width);
    g.save();
    g.translate(width / 2, width / 2);
    g.scale(width, width);
    g.lineCap = "round";
    if (form.halo > 0.02) this.halo(seconds);
    if (form.ring > 0.02) this.circle(0.35 + 0.01 * Math.sin(1.6 * seconds) + 0.05 * this.level.person, 0.014, form.ring);
    if (form.waves > 0.02) this.waves(seconds);
    this.middle(seconds);
    if (form.dots > 0.02) this.dots(seconds);
    if (form.dashes > 0.02) this.dashes(seconds);
    if (form.slash > 0.02) this.slash();
    if (form.bars > 0.02) this.bars();
    g.restore();
  }

  circle(radius, thickness, alpha) {
    const g = this.context;
    g.beginPath();
    g.arc(0, 0, radius, 0, 2 * Math.PI);
    g.lineWidth = thickness;
    g.strokeStyle = this.tone(alpha);
    g.stroke();
  }

  middle(seconds) {
    const { context: g, form } = this;
    const breath = 0.008 * Math.sin(1.4 * seconds);
    const swing = form.swing * (0.02 + 0.12 * this.level.assistant);
    this.blob(form.disc + breath + 0.02 * form.swing * this.level.assistant, swing, seconds);
    const light = g.createRadialGradient(-0.09, -0.12, 0, 0, 0, 0.36);
    light.addColorStop(0, this.tone(form.fill, 70));
    light.addColorStop(1, this.tone(form.fill));
    g.fillStyle = light;
    g.fill();
    if (form.fill < 0.98) {
      g.lineWidth = 0.016;
      g.strokeStyle = this.tone(1 - form.fill);
      g.stroke();
    }
  }

  // Sound goes out.
  halo(seconds) {
    for (const layer of [2, 1]) {
      const reach = 0.03 * layer + 0.07 * layer * this.level.assistant * this.form.swing;
      this.blob(this.form.disc + reach, 0.05 * this.form.swing, seconds * (1 + 0.3 * layer) + layer);
      this.context.fillStyle = this.tone((0.28 - 0.09 * layer) * this.form.halo);
      this.context.fill();
    }
  }

  // Sound comes in.
  waves(seconds) {
    for (let wave = 0; wave < 3; wave += 1) {
      const way = (wave / 3 + 0.55 * seconds) % 1;
      const radius = 0.47 - 0.24 * way;
      this.circle(radius, 0.008 + 0.022 * this.level.person, this.form.waves * Math.sin(Math.PI * way));
    }
  }

  dots(seconds) {
    const g = this.context;
    for (let dot = 0; dot < 3; dot += 1) {
      const angle = 2.4 * seconds + (dot * 2 * Math.PI) / 3;
      g.beginPath();
      g.arc(0.33 * Math.cos(angle), 0.33 * Math.sin(angle), 0.045 - 0.009 * dot, 0, 2 * Math.PI);
      g.fillStyle = this.tone(this.form.dots);
      g.fill();
    }
  }

  dashes(seconds) {
    const g = this.context;
    g.setLineDash([0.11, 0.11]);
    g.lineDashOffset = -0.03 * seconds;
    this.circle(0.35, 0.018, this.form.dashes);
    g.setLineDash([]);
  }

  slash() {
    const g = this.context;
    g.beginPath();
    g.moveTo(-0.25, -0.25);
    g.lineTo(0.25, 0.25);
    g.lineWidth = 0.03;
    g.strokeStyle = this.tone(this.form.slash);
    g.stroke();
  }

  bars() {
    const g = this.context;
    g.lineWidth = 0.05;
    g.strokeStyle = this.tone(this.form.bars);
    for (const x of [-0.07, 0.07]) {
      g.beginPath();
      g.moveTo(x, -0.11);
      g.lineTo(x, 0.11);
      g.stroke();
    }
  }

  blob(radius, swing, phase) {
    const g = this.context;
    const steps = 72;
    g.beginPath();
    for (let i = 0; i <= steps; i += 1) {
      const angle = (i / steps) * 2 * Math.PI;
      const wave = Math.sin(3 * angle + 1.7 * phase) + 0.6 * Math.sin(5 * angle - 2.3 * phase);
      const reach = radius * (1 + swing * wave);
      g.lineTo(reach * Math.cos(angle), reach * Math.sin(angle));
    }
    g.closePath();
  }
}
