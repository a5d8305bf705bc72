// Moves a node smoothly from where it stood to where a change of the layout puts it.

const CALM = matchMedia("(prefers-reduced-motion: reduce)");
const LEAST_PX = 1;
const MOVE = { duration: 450, easing: "cubic-bezier(0.2, 0.8, 0.2, 1)" };

export function flip(node, change) {
  const before = node.getBoundingClientRect();
  change();
  const after = node.getBoundingClientRect();
  if (CALM.matches || document.hidden || !before.width || !after.width) return;
  const [x, y] = [before.left - after.left, before.top - after.top];
  if (Math.abs(x) + Math.abs(y) < LEAST_PX) return;
  const transform = `translate(${x}px, ${y}px) scale(${before.width / after.width})`;
  node.animate([{ transform, transformOrigin: "0 0" }, { transform: "none", transformOrigin: "0 0" }], MOVE);
}
