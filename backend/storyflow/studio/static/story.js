// The view of one story: its text, its narration, and what can be done with it.

import { Refusal, Unreachable, get, save, send } from "./api.js";
import { all, copied, counted, find, length, say, show } from "./dom.js";
import { edit } from "./editor.js";
import { Player } from "./player.js";
import { Reading } from "./reading.js";
import { paceField, stopPreview, voiceField, voices } from "./voices.js";

const BUSY_MS = 600;
const IDLE_MS = 2500;

/** Show a story; return what ends the view. */
export async function story(main, name, go, left_out) {
  main.replaceChildren(copied("story"));
  const view = new View(main, name, go, left_out);
  await view.begin();
  return () => view.end();
}

class View {
  constructor(main, name, go, left_out) {
    this.main = main;
    this.go = go;
    this.name = name;
    this.path = `/projects/${encodeURIComponent(name)}`;
    this.story = null;
    this.progress = { state: "idle", audio: "", files: [] };
    this.download = null; // the kind that the user waits for
    this.hear = null; // the paragraph to play when it has been made again
    this.ended = new AbortController();
    this.reading = new Reading(find("article", main), encodeURIComponent(name), {
      word: (segment, time) => this.#playFrom(segment, time),
      edit: (paragraph) => this.#edit(paragraph),
    });
    this.player = new Player(encodeURIComponent(name), {
      place: (item, time) => this.reading.mark(item, time),
      state: () => this.#drawButtons(),
      problem: (text) => this.#problem(text),
    });
    if (left_out && Object.keys(left_out).length) {
      const what = Object.entries(left_out).map(([kind, count]) => `${kind} (${count})`).join(", ");
      show(find(".left-out", main), `Not read aloud: ${what}`);
    }
    this.#listen();
  }

  async begin() {
    await this.#poll();
  }

  end() {
    this.ended.abort();
    clearTimeout(this.timer);
    this.player.end();
    this.reading.end();
    stopPreview();
    show(document.getElementById("offline"), "");
  }

  #listen() {
    const { signal } = this.ended;
    const on = (selector, kind, action) => find(selector, this.main).addEventListener(kind, action, { signal });
    on(".narrate", "click", () => this.#do(() => send("POST", `${this.path}/narrate`)));
    on(".stop", "click", () => this.#do(() => send("POST", `${this.path}/stop`)));
    on(".listen", "click", () => this.player.toggle());
    on(".delete", "click", () => this.#delete());
    on(".voices-menu form", "submit", (event) => this.#changeVoices(event));
    for (const button of all("[data-kind]", this.main)) {
      button.addEventListener("click", () => this.#download(button.dataset.kind), { signal });
    }
    for (const menu of all(".menu", this.main)) {
      menu.addEventListener("toggle", () => {
        if (menu.open) for (const other of all(".menu", this.main)) if (other !== menu) other.open = false;
      }, { signal });
    }
    document.addEventListener("click", (event) => {
      for (const menu of all(".menu[open]", this.main)) if (!menu.contains(event.target)) menu.open = false;
    }, { signal });
    document.addEventListener("keydown", (event) => this.#key(event), { signal });
    document.addEventListener("preview", () => this.player.pause(), { signal });
    document.addEventListener("problem", (event) => this.#problem(event.detail), { signal });
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.#again(0); }, { signal });
    find("#previous").addEventListener("click", () => this.#move(-1, false), { signal });
    find("#edit").addEventListener("click", () => this.#edit(this.reading.current ?? this.player.item?.paragraph), { signal });
    find("#next").addEventListener("click", () => this.#move(1, false), { signal });
  }

  // What the server says

  #again(milliseconds) {
    clearTimeout(this.timer);
    if (!this.ended.signal.aborted) this.timer = setTimeout(() => this.#poll(), milliseconds);
  }

  async #poll() {
    const offline = document.getElementById("offline");
    try {
      const progress = await get(`${this.path}/progress?seen=${encodeURIComponent(this.story ? this.progress.audio : "")}`);
      if (this.story?.version !== progress.story) await this.#load(progress);
      if (this.ended.signal.aborted) return;
      if (progress.entries) this.reading.take(progress.entries);
      this.#take(progress);
      show(offline, "");
    } catch (error) {
      if (this.ended.signal.aborted) return;
      if (error instanceof Unreachable) {
        show(offline, "The server does not answer. This page tries again until it does.");
      } else if (error instanceof Refusal && error.status === 404 && /project/.test(error.message)) {
        this.#gone(error.message);
        return;
      } else {
        this.#problem(error.message);
      }
    }
    this.#again(this.progress.state === "idle" && !this.download ? IDLE_MS : BUSY_MS);
  }

  /** Read the story, which has changed; what has been spoken is then asked for as a whole. */
  async #load(progress) {
    const story = await get(this.path);
    if (this.ended.signal.aborted) return;
    const is_first = !this.story;
    this.#render(story);
    if (!progress.entries) progress.entries = (await get(`${this.path}/progress`)).entries;
    if (is_first) await this.#offerVoices();
  }

  #render(story) {
    this.story = story;
    document.title = `${story.title} – StoryFlow`;
    find("h1", this.main).textContent = story.title;
    show(find(".byline", this.main), story.author ?? "");
    const article = find("article", this.main);
    if (story.language) article.lang = story.language;
    this.reading.render(story);
    find(".voices-menu", this.main).hidden = !story.is_ours;
    find("#edit").hidden = !story.is_ours;
  }

  #take(progress) {
    const before = this.progress;
    this.progress = progress;
    this.player.update(this.reading.items);
    if (this.player.is_waiting && progress.state === "idle") this.player.pause(); // nothing more will come
    this.#drawState(before);
    this.#drawButtons();
    this.#hearWhenMade();
    this.#saveWhenMade(before);
    this.#drawProblem();
  }

  #gone(message) {
    this.end();
    this.main.replaceChildren();
    const text = document.createElement("p");
    text.className = "card problem";
    text.textContent = message;
    const back = document.createElement("p");
    const link = Object.assign(document.createElement("a"), { href: "/", textContent: "All stories" });
    link.dataset.link = "";
    back.append(link);
    this.main.append(text, back);
    say(message);
  }

  // What the user does

  async #do(action) {
    this.#problem("");
    try {
      await action();
    } catch (error) {
      this.#problem(error.message);
    }
    this.#again(0);
  }

  #edit(paragraph) {
    if (!paragraph || paragraph.paragraph.kind === "break") return;
    edit(paragraph, async (text) => {
      const { number, text: was, segments } = paragraph.paragraph;
      this.hear = { number, before: this.#versions(segments) };
      const story = await send("PUT", `${this.path}/paragraphs/${number}`, { text, was });
      this.#render(story);
      this.reading.take((await get(`${this.path}/progress`)).entries);
      this.player.update(this.reading.items);
      this.reading.focus(number);
      await this.#do(() => send("POST", `${this.path}/narrate`));
    });
  }

  async #changeVoices(event) {
    event.preventDefault();
    find(".voices-menu", this.main).open = false;
    const { voice, dialogue, speed, speakers } = this.fields;
    const chosen = Object.fromEntries(speakers.map(([who, value]) => [who, value()]));
    await this.#do(async () => {
      const body = { voice: voice(), dialogue: dialogue(), speed: speed(), speakers: chosen };
      this.#render(await send("PUT", `${this.path}/voices`, body));
      await send("POST", `${this.path}/narrate`);
    });
  }

  async #offerVoices() {
    if (!this.story.is_ours) return;
    const offered = await voices();
    const { voice, dialogue, speed, speakers } = this.story;
    const pace = paceField(speed);
    const narrator = voiceField(offered, "Narrator", voice, null, pace.value);
    const quoted = voiceField(offered, "Dialogue", dialogue, "Same as the narrator", pace.value);
    const cast = speakers.map((member) => [member.name, voiceField(offered, member.name, member.voice, null, pace.value)]);
    find(".voices", this.main).replaceChildren(
      narrator.field, ...cast.map(([, made]) => made.field), quoted.field, pace.field);
    this.fields = {
      voice: narrator.value, dialogue: quoted.value, speed: pace.value,
      speakers: cast.map(([who, made]) => [who, made.value]),
    };
  }

  async #download(kind) {
    find(".download-menu", this.main).open = false;
    await this.#do(async () => {
      const { is_ready } = await send("POST", `${this.path}/files/${kind}`);
      if (is_ready) await this.#save(kind);
      else this.download = kind;
    });
  }

  #saveWhenMade() {
    if (!this.download || this.progress.state !== "idle") return;
    const kind = this.download;
    this.download = null;
    if (this.progress.files.includes(kind)) this.#save(kind);
  }

  async #save(kind) {
    await save(`${this.path}/files/${kind}`, `${this.name}.${kind}`);
    say(`The ${kind.toUpperCase()} is downloaded.`);
  }

  #delete() {
    const dialog = copied("confirm");
    find("h2", dialog).textContent = `Delete “${this.story?.title ?? this.name}”?`;
    find("p", dialog).textContent = "Its text, its audio and its downloads are removed from this computer, for good.";
    this.main.append(dialog);
    dialog.addEventListener("close", async () => {
      dialog.remove();
      if (dialog.returnValue !== "yes") {
        find(".delete", this.main)?.focus();
        return;
      }
      try {
        await send("DELETE", this.path);
        this.go(null);
      } catch (error) {
        this.#problem(error.message);
      }
    });
    dialog.showModal();
  }

  // Playing

  #playFrom(segment, time) {
    this.reading.setCurrent(segment.paragraph);
    stopPreview();
    this.player.play(this.player.items.indexOf(segment), time);
  }

  #hearWhenMade() {
    const paragraph = this.hear && this.story.paragraphs.find(({ number }) => number === this.hear.number);
    if (!paragraph || this.#versions(paragraph.segments) === this.hear.before) return;
    const items = this.reading.items.filter((item) => paragraph.segments.some(({ id }) => id === item.id));
    if (!items.length || items.some((item) => !item.version)) return;
    this.hear = null;
    if (!this.player.is_playing) this.player.play(this.player.items.indexOf(items[0]), 0, items.at(-1).id);
  }

  #versions(segments) {
    return segments.map(({ id }) => `${id} ${this.reading.segments.get(id)?.version}`).join();
  }

  #key(event) {
    const { target, key } = event;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || find("dialog[open]")) return;
    if (target.closest("textarea, select, input:not([type=range])")) return;
    const is_button = target.closest("button, summary, a");
    if (key === "Escape") {
      for (const menu of all(".menu[open]", this.main)) {
        menu.open = false;
        find("summary", menu).focus();
      }
      return;
    }
    const actions = {
      " ": () => this.player.toggle(),
      Enter: () => this.#move(0, false, true),
      ArrowDown: () => this.#move(1),
      ArrowUp: () => this.#move(-1),
      ArrowRight: () => this.#moveByWord(1),
      ArrowLeft: () => this.#moveByWord(-1),
    };
    const is_own = (is_button && (key === " " || key === "Enter")) || (target.type === "range" && key.startsWith("Arrow"));
    if (!(key in actions) || is_own || target.closest(".panel")) return;
    if (key === "Enter" && !target.closest(".paragraph")) return;
    event.preventDefault();
    actions[key]();
  }

  /** Go to another paragraph; the player goes along. */
  #move(step, focused = true, plays = false) {
    const paragraphs = all(".paragraph:not(.break)", this.reading.article);
    const here = paragraphs.indexOf(focused || plays ? this.reading.current : this.player.item?.paragraph);
    const paragraph = paragraphs[Math.min(Math.max(here + step, 0), paragraphs.length - 1)];
    if (!paragraph) return;
    this.reading.setCurrent(paragraph, focused);
    const index = this.player.items.findIndex((item) => item.paragraph === paragraph);
    if (index < 0) return;
    if (plays) this.player.play(index);
    else this.player.place(index);
  }

  async #moveByWord(step) {
    const { item } = this.player;
    if (!item?.version) return;
    const words = (await this.reading.wordsOf(item)) ?? [];
    const now = this.player.time;
    const place = words.findLastIndex((word) => word[2] <= now + 0.001) + step;
    if (place in words) this.player.place(this.player.index, words[place][2]);
    else if (step > 0 && this.player.index + 1 < this.player.items.length) this.player.place(this.player.index + 1);
    else if (step < 0 && this.player.index > 0) this.player.place(this.player.index - 1);
  }

  // What is shown

  #problem(text) {
    this.problem = text;
    this.#drawProblem();
  }

  #drawProblem() {
    const place = find(".head .problem", this.main);
    if (place) show(place, this.problem || this.progress.error || "");
  }

  #drawState(before) {
    const { state, job, done = 0, whole = 0 } = this.progress;
    const bar = find("progress", this.main);
    bar.hidden = state === "idle" || state === "elsewhere";
    if (whole && state !== "loading") bar.value = done / whole;
    else bar.removeAttribute("value");
    const text = this.#stateText(state, job, done, whole);
    find(".state", this.main).textContent = text;
    const quarter = (progress) => Math.floor((4 * (progress.done ?? 0)) / (progress.whole || 1));
    if (state !== before.state || (state === "working" && quarter(this.progress) !== quarter(before))) say(text);
  }

  #stateText(state, job, done, whole) {
    if (state === "loading") return "Opening the voice …";
    if (state === "stopping") return "Stopping …";
    const made = this.reading.items.filter((item) => item.version);
    if (state === "elsewhere") return `Another program is narrating this story. ${counted(made.length, "passage")} can be heard.`;
    if (state === "working" && job !== "narrating") return `Making the ${job.toUpperCase()}: ${Math.floor((100 * done) / (whole || 1))} %`;
    if (state === "working") return `Narrating: ${done} of ${counted(whole, "passage")}`;
    const seconds = made.reduce((sum, item) => sum + item.duration + item.pause, 0);
    if (!made.length) return "Not narrated yet.";
    if (this.#isIncomplete()) return `Not complete: ${made.length} of ${counted(this.reading.items.length, "passage")} can be heard.`;
    const source = this.story.is_ours ? "" : ` · narrated from ${this.story.source}`;
    return `${length(seconds)} · ${counted(this.story.paragraphs.filter(({ kind }) => kind !== "break").length, "paragraph")}${source}`;
  }

  #isIncomplete() {
    const plain = (voice) => /^\w+$/.test(voice ?? "");
    return !this.progress.is_complete || this.reading.items.some((item) => {
      const wanted = item.voice ?? this.story.voice;
      return !item.version || (this.story.is_ours && plain(wanted) && plain(item.spoken_by) && wanted !== item.spoken_by);
    });
  }

  #drawButtons() {
    if (!this.story) return;
    const { state } = this.progress;
    const is_idle = state === "idle";
    const made = this.reading.items.some((item) => item.version);
    const narrate = find(".narrate", this.main);
    narrate.hidden = !this.story.is_ours || !is_idle || !this.#isIncomplete();
    narrate.textContent = made ? "Continue narrating" : "Narrate";
    const stop = find(".stop", this.main);
    stop.hidden = is_idle || state === "elsewhere";
    stop.disabled = state === "stopping";
    const listen = find(".listen", this.main);
    listen.hidden = !made;
    const label = this.player.is_playing ? (this.player.is_waiting ? "Waiting for the next paragraph …" : "Pause") : "Listen";
    if (listen.textContent !== label) listen.textContent = label;
    const finished = is_idle && made && this.progress.is_complete;
    find(".download-menu", this.main).hidden = !finished;
    find(".delete", this.main).disabled = !is_idle;
    find(".keys", this.main).hidden = !made;
    if (!this.player.is_playing && this.reading.spoken === null) {
      for (const paragraph of all(".playing", this.reading.article)) paragraph.classList.remove("playing");
    }
  }
}
