// The words of a segment: where they stand in its text, and when they are spoken.

import { get } from "./api.js";

/** The words of the segments of one story, fetched when they are needed. */
export class Words {
  constructor(project) {
    this.project = project;
    this.known = new Map();
  }

  /** Return the words of a segment: [from, to, start, end], the times in seconds from the start of its audio. */
  async of(id, version) {
    const key = `${id} ${version}`;
    if (!this.known.has(key)) this.known.set(key, get(`/projects/${this.project}/words/${id}`));
    try {
      return await this.known.get(key);
    } catch {
      this.known.delete(key);
      return [];
    }
  }
}

/** Make an element of each word in the text of a segment. */
export function wrap(element, text, words) {
  const parts = [];
  let end = 0;
  for (const [place, [from, to]] of words.entries()) {
    if (from < end) continue;
    const word = document.createElement("span");
    word.className = "word";
    word.dataset.word = place;
    word.textContent = text.slice(from, to);
    parts.push(text.slice(end, from), word);
    end = to;
  }
  element.replaceChildren(...parts, text.slice(end));
}

/** Return the index of the word that is spoken at `time`, or was spoken last; -1 before the first. */
export function wordAt(words, time) {
  let low = 0;
  let high = words.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (words[middle][2] <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
