// Small tools. Text from outside is only ever set as text.

export const find = (selector, within = document) => within.querySelector(selector);
export const all = (selector, within = document) => [...within.querySelectorAll(selector)];

/** Return a copy of the first element, or of all of them, in a template. */
export function copied(name) {
  const content = document.getElementById(name).content.cloneNode(true);
  return content.childElementCount === 1 ? content.firstElementChild : content;
}

/** Tell a screen reader what has happened. */
export function say(text) {
  const live = document.getElementById("live");
  if (live.textContent !== text) live.textContent = text;
}

/** Show a problem where it belongs; an empty one goes away. */
export function show(element, text) {
  if (element.textContent !== text) element.textContent = text;
  element.hidden = !text;
}

export function clock(seconds) {
  const whole = Math.floor(seconds || 0);
  const rest = [Math.floor(whole / 60) % 60, whole % 60];
  const hours = Math.floor(whole / 3600);
  const parts = hours ? [hours, String(rest[0]).padStart(2, "0"), String(rest[1]).padStart(2, "0")]
    : [rest[0], String(rest[1]).padStart(2, "0")];
  return parts.join(":");
}

export function length(seconds) {
  const minutes = Math.round(seconds / 60);
  if (seconds < 90) return `${Math.round(seconds)} seconds`;
  return minutes < 90 ? `${minutes} minutes` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const counted = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

export const calmly = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
