// Where to find help: each number can be called and each address opened by a touch.

const PLACES = /\+?\d[\d ()-]*\d|\b[a-z0-9-]+\.(?:com|org|net)\b/g;
const LEAST_DIGITS = 3;

// Returns the nodes of a text; all of it goes in as text.
export function withLinks(text) {
  const nodes = [];
  let done = 0;
  for (const found of text.matchAll(PLACES)) {
    const href = address(found[0]);
    if (!href) continue;
    const link = document.createElement("a");
    link.href = href;
    link.textContent = found[0];
    if (href.startsWith("https:")) Object.assign(link, { target: "_blank", rel: "noopener noreferrer" });
    nodes.push(text.slice(done, found.index), link);
    done = found.index + found[0].length;
  }
  return [...nodes, text.slice(done)];
}

function address(found) {
  if (/[a-z]/.test(found)) return `https://${found}`;
  const digits = found.replace(/[^\d+]/g, "");
  return digits.length >= LEAST_DIGITS ? `tel:${digits}` : "";
}
