// The living picture: a soft shape that breathes, listens, thinks and speaks.

export const COLOURS = {
  neutral: [125, 140, 165],
  happy: [236, 170, 50],
  angry: [222, 92, 80],
  sad: [78, 128, 214],
  surprise: [160, 100, 205],
};
const CALM = window.matchMedia("(prefers-reduced-motion: reduce)");

export class Orb {
  constructor(canvas, levels) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.levels = levels;
    this.floor = "getting ready";
    this.colour = [...COLOURS.neutral];
    this.target = COLOURS.neutral;
    this.person = 0;
    this.assistant = 0;
    requestAnimationFrame((time) => this.draw(time));
  }

  feel(emotion) {
    this.target = COLOURS[emotion] || COLOURS.neutral;
  }

  draw(time) {
    requestAnimationFrame((next) => this.draw(next));
    if (CALM.matches && time - (this.drawn || 0) < 250) return;
    this.drawn = time;
    const { person, assistant } = this.levels();
    this.person += (Math.min(1, person * 7) - this.person) * 0.25;
    this.assistant += (Math.min(1, assistant * 6) - this.assistant) * 0.25;
    this.colour = this.colour.map((v, i) => v + (this.target[i] - v) * 0.05);
    this.paint(CALM.matches ? 0 : time / 1000);
  }

  paint(seconds) {
    const { width } = this.canvas;
    const g = this.context;
    const center = width / 2;
    const [r, gr, b] = this.colour.map(Math.round);
    const colour = (alpha) => `rgba(${r}, ${gr}, ${b}, ${alpha})`;
    g.clearRect(0, 0, width, width);
    const breath = 0.012 * Math.sin(seconds * 1.4);
    const isThinking = this.floor === "thinking";
    for (let ring = 2; ring >= 0; ring -= 1) {
      const swing = 0.025 + 0.11 * this.assistant + (isThinking ? 0.02 : 0);
      const radius = width * (0.33 + breath + 0.045 * ring * (0.35 + this.person + this.assistant));
      this.blob(center, radius, swing * (1 + 0.4 * ring), seconds * (1 + 0.25 * ring) + ring * 2);
      g.fillStyle = colour([0.95, 0.2, 0.1][ring]);
      if (ring === 0) {
        const light = g.createRadialGradient(center * 0.8, center * 0.72, 0, center, center, radius * 1.15);
        light.addColorStop(0, `rgba(${Math.min(255, r + 70)}, ${Math.min(255, gr + 70)}, ${Math.min(255, b + 70)}, 1)`);
        light.addColorStop(1, colour(1));
        g.fillStyle = light;
      }
      g.fill();
    }
    if (this.floor === "you speak" || this.floor === "both speak") {
      g.beginPath();
      g.arc(center, center, width * (0.42 + 0.06 * this.person), 0, 2 * Math.PI);
      g.strokeStyle = colour(0.5);
      g.lineWidth = 3 + 8 * this.person;
      g.stroke();
    }
    if (isThinking) {
      g.beginPath();
      g.arc(center, center, width * 0.43, seconds * 3, seconds * 3 + 1.2);
      g.strokeStyle = colour(0.8);
      g.lineWidth = 5;
      g.lineCap = "round";
      g.stroke();
    }
  }

  blob(center, radius, swing, phase) {
    const g = this.context;
    const steps = 72;
    g.beginPath();
    for (let i = 0; i <= steps; i += 1) {
      const angle = (i / steps) * 2 * Math.PI;
      const wave = Math.sin(3 * angle + phase) + 0.6 * Math.sin(5 * angle - 1.7 * phase);
      const r = radius * (1 + swing * wave * 0.6);
      g.lineTo(center + r * Math.cos(angle), center + r * Math.sin(angle));
    }
    g.closePath();
  }
}
