// The text of a story: its paragraphs, what of them has been spoken, and the word that is spoken now.

import { all, calmly, copied, find } from "./dom.js";
import { Words, wordAt, wrap } from "./words.js";

export class Reading {
  /** `on` has: word(segment, time), played(segment), edit(paragraph). */
  constructor(article, project, on) {
    this.article = article;
    this.on = on;
    this.words = new Words(project);
    this.segments = new Map(); // id → { id, text, pause, kind, element, paragraph, version, duration, words }
    this.order = [];
    this.items = []; // what can be heard, in order
    this.current = null;
    this.spoken = null;
    this.scrolled_at = -Infinity;
    this.seen = new IntersectionObserver((entries) => {
      for (const entry of entries) if (entry.isIntersecting) this.#wrapAll(entry.target);
    }, { rootMargin: "600px" });
    article.addEventListener("click", (event) => this.#clicked(event));
    article.addEventListener("focusin", (event) => {
      const paragraph = event.target.closest(".paragraph");
      if (paragraph) this.setCurrent(paragraph);
    });
    this.ended = new AbortController();
    for (const kind of ["wheel", "touchmove"]) {
      addEventListener(kind, () => { this.scrolled_at = performance.now(); }, { passive: true, signal: this.ended.signal });
    }
  }

  end() {
    this.seen.disconnect();
    this.ended.abort();
  }

  /** Show the paragraphs of a story; elements of those that have not changed stay. */
  render(story) {
    const before = new Map(all(":scope > .paragraph", this.article).map((element) => [element.dataset.key, element]));
    const segments = new Map();
    this.order = [];
    let previous = null;
    for (const [place, paragraph] of story.paragraphs.entries()) {
      const key = String(paragraph.number ?? paragraph.segments[0]?.id);
      const signature = JSON.stringify([paragraph.kind, paragraph.level, paragraph.speaker, paragraph.text,
        paragraph.segments.map(({ id, text }) => [id, text]), story.is_ours]);
      let element = before.get(key);
      before.delete(key);
      if (!element || (element.dataset.signature !== signature && !element.classList.contains("editing"))) {
        const fresh = made(paragraph, story.is_ours);
        element?.replaceWith(fresh);
        if (this.current === element) this.current = null;
        element = fresh;
        element.dataset.key = key;
        element.dataset.signature = signature;
        this.seen.observe(element);
      }
      element.paragraph = paragraph;
      element.classList.toggle("again", !place && same(paragraph.text, story.title)); // the title, once more
      element.setAttribute("aria-label", `Paragraph ${place + 1} of ${story.paragraphs.length}`);
      const next = previous ? previous.nextElementSibling : this.article.firstElementChild;
      if (next !== element) this.article.insertBefore(element, next);
      previous = element;
      for (const segment of paragraph.segments) {
        const known = this.segments.get(segment.id);
        const part = element.parts?.get(segment.id);
        const is_same = known && known.element === part;
        const kept = is_same ? known : { version: null };
        segments.set(segment.id, Object.assign(kept, segment, { element: part, paragraph: element }));
        this.order.push(segments.get(segment.id));
      }
    }
    for (const gone of before.values()) {
      this.seen.unobserve(gone);
      gone.remove();
    }
    this.segments = segments;
    this.items = this.order.filter((segment) => segment.kind !== "break" && /[\p{L}\p{N}]/u.test(segment.text));
    if (!this.current?.isConnected) this.setCurrent(find(".paragraph", this.article));
  }

  /** Take what has been spoken: { id: [version, duration, voice] }. */
  take(entries) {
    for (const segment of this.order) {
      const [version, duration, voice] = entries[segment.id] ?? [null, 0, null];
      if (segment.version !== version) {
        Object.assign(segment, { version, words: null });
        segment.element?.replaceChildren(segment.text);
        segment.element?.classList.toggle("made", Boolean(version));
        if (this.spoken?.segment === segment) this.spoken = null;
        if (version) {
          this.seen.unobserve(segment.paragraph); // and again: it tells only of changes
          this.seen.observe(segment.paragraph);
        }
      }
      Object.assign(segment, { duration, spoken_by: voice });
    }
  }

  /** Mark the word that is spoken at a time of a segment. */
  async mark(segment, time) {
    const words = await this.#wrapped(segment);
    const place = words ? wordAt(words, time) : -1;
    if (this.spoken?.segment === segment && this.spoken.place === place) return;
    this.unmark();
    const element = place >= 0 ? find(`[data-word="${place}"]`, segment.element) : null;
    element?.classList.add("spoken");
    this.spoken = { segment, place, element };
    segment.paragraph.classList.add("playing");
    for (const other of all(".playing", this.article)) if (other !== segment.paragraph) other.classList.remove("playing");
    this.#keepInView(element ?? segment.paragraph);
  }

  unmark() {
    this.spoken?.element?.classList.remove("spoken");
    this.spoken = null;
  }

  /** Make a paragraph the one that keys start from. */
  setCurrent(paragraph, focused = false) {
    if (this.current !== paragraph) {
      this.current?.setAttribute("tabindex", "-1");
      const before = this.current && find(":scope > .edit", this.current);
      if (before) before.tabIndex = -1;
      this.current = paragraph;
      paragraph?.setAttribute("tabindex", "0");
      const edit = paragraph && find(":scope > .edit", paragraph);
      if (edit) edit.tabIndex = 0;
    }
    if (focused && paragraph) {
      paragraph.focus({ preventScroll: true });
      this.#keepInView(paragraph, true);
    }
  }

  /** Go to the paragraph with this number, if there is one. */
  focus(number) {
    const paragraph = all(".paragraph", this.article).find((element) => element.dataset.key === String(number));
    if (paragraph) this.setCurrent(paragraph, true);
  }

  /** Return the words of a segment, if they are known. */
  wordsOf(segment) {
    return this.#wrapped(segment);
  }

  async #wrapAll(paragraph) {
    for (const segment of paragraph.paragraph?.segments ?? []) {
      const known = this.segments.get(segment.id);
      if (known?.version && known.paragraph === paragraph) await this.#wrapped(known);
    }
  }

  async #wrapped(segment) {
    if (segment.words || !segment.version || !segment.element) return segment.words;
    const { version } = segment;
    const words = await this.words.of(segment.id, version);
    if (segment.version !== version || segment.words) return segment.words;
    segment.words = words;
    wrap(segment.element, segment.text, words);
    return words;
  }

  async #clicked(event) {
    const paragraph = event.target.closest(".paragraph");
    if (!paragraph || !getSelection().isCollapsed) return;
    if (event.target.closest(".edit")) {
      this.on.edit(paragraph);
      return;
    }
    const part = event.target.closest(".segment");
    const segment = part && this.order.find((one) => one.element === part);
    if (!segment?.version) return;
    const word = event.target.closest(".word");
    this.on.word(segment, word ? segment.words[Number(word.dataset.word)][2] : 0);
  }

  #keepInView(element, at_once = false) {
    if (!at_once && performance.now() - this.scrolled_at < 4000) return;
    const { top, bottom } = element.getBoundingClientRect();
    if (top > 90 && bottom < innerHeight - 150) return;
    element.scrollIntoView({ block: "center", behavior: calmly() ? "auto" : "smooth" });
  }
}

const same = (one, other) => one.toLowerCase() === other.toLowerCase();

function made(paragraph, may_be_edited) {
  const element = copied("paragraph");
  element.classList.add(paragraph.kind);
  const edit = find(".edit", element);
  if (paragraph.kind === "break" || !may_be_edited) edit.remove();
  edit.setAttribute("aria-label", `Edit: ${paragraph.text.slice(0, 40)}`);
  element.parts = new Map();
  if (paragraph.kind === "break") {
    const rule = document.createElement("hr");
    rule.setAttribute("aria-label", "Scene break");
    element.prepend(rule);
    return element;
  }
  const tag = paragraph.kind === "heading" ? (paragraph.level === 1 ? "h2" : "h3") : "p";
  const text = document.createElement(tag);
  if (!paragraph.segments.length) text.textContent = paragraph.text;
  for (const segment of paragraph.segments) {
    const part = document.createElement("span");
    part.className = "segment";
    part.textContent = segment.text;
    element.parts.set(segment.id, part);
    text.append(...(text.childNodes.length ? [" ", part] : [part]));
  }
  element.prepend(text);
  if (paragraph.speaker) {
    const speaker = document.createElement("span");
    speaker.className = "speaker";
    speaker.textContent = paragraph.speaker;
    element.prepend(speaker);
  }
  return element;
}
