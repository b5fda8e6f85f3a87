// Plays the segments of a story one after another, with the pauses between them.

import { source } from "./api.js";
import { clock, find } from "./dom.js";

const audio = document.getElementById("audio");
const bar = document.getElementById("player");

/** One item of `items`: { id, version, duration, pause, paragraph }; without a version it has no audio yet. */
export class Player {
  /** `on` has: place(item, seconds), called while it plays; state(), when it starts or stops; problem(text). */
  constructor(project, on) {
    this.project = project;
    this.on = on;
    this.items = [];
    this.starts = [];
    this.index = 0;
    this.is_playing = false;
    this.is_waiting = false;
    this.last = null;
    this.loaded = "";
    this.release = () => {};
    this.ended = new AbortController();
    const { signal } = this.ended;
    audio.addEventListener("ended", () => this.#advance(), { signal });
    audio.addEventListener("error", () => this.#failed(), { signal });
    find("#toggle").addEventListener("click", () => this.toggle(), { signal });
    find("#position").addEventListener("input", (event) => this.#seek(Number(event.target.value)), { signal });
    const rate = find("#rate");
    rate.addEventListener("change", () => { audio.playbackRate = Number(rate.value); }, { signal });
  }

  get item() { return this.items[this.index]; }
  get time() { return this.loaded === address(this.item) ? audio.currentTime : this.waiting_time ?? 0; }

  /** Take what can be played now; the place stays. */
  update(items) {
    const here = this.item?.id;
    const before = this.item?.paragraph;
    this.items = items;
    this.starts = starts(items);
    const same = items.findIndex((item) => item.id === here);
    const near = items.findIndex((item) => item.paragraph === before);
    this.index = same >= 0 ? same : Math.max(0, near >= 0 ? near : Math.min(this.index, items.length - 1));
    bar.hidden = !items.some((item) => item.version);
    const is_new = this.is_waiting || (this.loaded && this.loaded !== address(this.item));
    if (this.is_playing && this.item?.version && is_new) this.play(this.index, 0, this.last);
    this.#draw();
  }

  toggle() {
    if (this.is_playing) this.pause();
    else if (this.item?.version) this.play(this.index, this.#isAtEnd() ? 0 : this.time);
    else this.play(Math.max(0, this.items.findIndex((item) => item.version)));
  }

  /** Play from a time within a segment; to the end of the story, or to that of the segment `last`. */
  async play(index, time = 0, last = null) {
    const item = this.items[index];
    if (!item) return;
    clearTimeout(this.pausing);
    this.index = index;
    this.last = last;
    this.is_playing = true;
    this.is_waiting = !item.version;
    this.on.state();
    if (this.is_waiting) {
      audio.pause();
      this.#draw();
      return;
    }
    if (!(await this.#load(item, time))) return;
    try {
      await audio.play();
      this.#follow();
    } catch (error) {
      if (error.name !== "AbortError" && this.is_playing) this.#failed();
    }
  }

  pause() {
    clearTimeout(this.pausing);
    this.is_playing = this.is_waiting = false;
    audio.pause();
    this.on.state();
    this.#draw();
  }

  /** Go to a time within a segment, without starting to play. */
  async place(index, time = 0) {
    if (this.is_playing) {
      this.play(index, time);
      return;
    }
    this.index = index;
    this.waiting_time = time;
    if (this.item?.version && (await this.#load(this.item, time))) this.#show();
  }

  end() {
    this.ended.abort();
    clearTimeout(this.pausing);
    this.is_playing = false;
    audio.pause();
    audio.removeAttribute("src");
    audio.load();
    this.release();
    bar.hidden = true;
  }

  /** Load a segment, unless it is; return false if something else is wanted meanwhile. */
  async #load(item, time) {
    const wanted = address(item);
    if (this.loaded !== wanted) {
      audio.pause();
      this.loaded = wanted;
      let found;
      try {
        found = await source(`/projects/${this.project}/audio/${wanted}`);
      } catch (error) {
        this.loaded = "";
        this.pause();
        this.on.problem(error.message);
        return false;
      }
      if (this.loaded !== wanted) {
        found.release();
        return false;
      }
      this.release();
      this.release = found.release;
      audio.src = found.address;
      audio.playbackRate = audio.defaultPlaybackRate = Number(find("#rate").value);
    }
    if (Math.abs(audio.currentTime - time) > 0.001) audio.currentTime = time;
    return true;
  }

  #advance() {
    const { id, pause } = this.item;
    if (id === this.last || this.index + 1 >= this.items.length) {
      this.pause();
      return;
    }
    const next = this.index + 1;
    this.pausing = setTimeout(() => this.play(next, 0, this.last), (pause * 1000) / audio.playbackRate);
  }

  #failed() {
    if (!audio.getAttribute("src")) return;
    this.loaded = "";
    this.pause();
    this.on.problem("The audio of this paragraph cannot be played. Narrate the story again.");
  }

  #follow() {
    cancelAnimationFrame(this.frame);
    const step = () => {
      this.#show();
      if (this.is_playing && !audio.paused) this.frame = requestAnimationFrame(step);
    };
    step();
  }

  #show() {
    if (this.item) this.on.place(this.item, audio.currentTime);
    this.#draw();
  }

  #isAtEnd() {
    return this.index + 1 >= this.items.length && audio.ended;
  }

  #draw() {
    const last = this.items.length - 1;
    const whole = last < 0 ? 0 : this.starts[last] + (this.items[last].version ? this.items[last].duration : 0);
    const now = (this.starts[this.index] ?? 0) + (this.item?.version ? this.time : 0);
    const position = find("#position");
    position.max = whole || 1;
    position.value = now;
    position.style.setProperty("--share", `${(100 * now) / (whole || 1)}%`);
    position.setAttribute("aria-valuetext", `${clock(now)} of ${clock(whole)}`);
    find("#elapsed").textContent = clock(now);
    find("#duration").textContent = clock(whole);
    const toggle = find("#toggle");
    toggle.setAttribute("aria-label", this.is_playing ? "Pause" : "Play");
    toggle.classList.toggle("on", this.is_playing);
  }

  #seek(wanted) {
    let index = 0;
    for (const [place, item] of this.items.entries()) if (item.version && this.starts[place] <= wanted) index = place;
    const time = Math.min(wanted - this.starts[index], this.items[index].duration);
    this.place(index, Math.max(0, time));
  }
}

/** Return where each item starts on one line of time; what has no audio yet has no length. */
function starts(items) {
  let start = 0;
  return items.map((item) => {
    const here = start;
    if (item.version) start += item.duration + item.pause;
    return here;
  });
}

function address(item) {
  return item?.version ? `${item.id}?v=${item.version}` : "";
}
