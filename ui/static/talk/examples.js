// Recordings to hear an answer to, for who has no microphone or wants to listen first.

import { element } from "../screen/element.js";

// `onChosen` gets a function that loads the recording as a file.
export async function offerExamples(place, onChosen) {
  const response = await fetch(new URL("attune/examples", document.baseURI));
  const examples = response.ok ? await response.json() : [];
  const buttons = examples.map(({ name, url }) => {
    const button = element("button", "a-chip", name);
    button.type = "button";
    button.onclick = () => onChosen(() => load(name, url));
    return button;
  });
  place.replaceChildren(...buttons);
}

async function load(name, url) {
  const sound = await fetch(new URL(url, document.baseURI));
  if (!sound.ok) throw new Error("That example cannot be had just now. Try another, or speak.");
  return new File([await sound.blob()], `Example: ${name}`, { type: "audio/wav" });
}
