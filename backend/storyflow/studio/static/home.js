// The first view: a new story, and those that are there.

import { get, send } from "./api.js";
import { all, copied, find, length, say, show } from "./dom.js";
import { paceField, stopPreview, voiceField, voices } from "./voices.js";

const MOST_BYTES = 64 * 1024 * 1024;
const EVERY_MS = 3000;

/** Show the view; return what ends it. `go` leads to a story. */
export async function home(main, go) {
  main.replaceChildren(copied("home"));
  document.title = "StoryFlow";
  const form = find("form", main);
  const problem = find(".problem", form);
  let chosen = null;

  const choose = (file) => {
    show(problem, file ? tooLarge(file) : "");
    chosen = file && !problem.textContent ? file : null;
    find("textarea", form).hidden = Boolean(chosen);
    find(".chosen", form).hidden = !chosen;
    find(".chosen-name", form).textContent = chosen ? `${chosen.name} (${size(chosen.size)})` : "";
    if (chosen) say(`${chosen.name} is chosen.`);
  };
  const input = find("input[type=file]", form);
  input.addEventListener("change", () => {
    if (input.files[0]) choose(input.files[0]);
    input.value = "";
  });
  find(".remove", form).addEventListener("click", () => {
    choose(null);
    find("textarea", form).focus();
  });
  const ended = new AbortController();
  takeDrops(find(".drop", form), choose, ended.signal);
  const problems = (event) => show(problem, event.detail);
  document.addEventListener("problem", problems, { signal: ended.signal });

  const listing = setInterval(() => list(main).catch(() => {}), EVERY_MS);
  ended.signal.addEventListener("abort", () => {
    clearInterval(listing);
    stopPreview();
  });

  const fields = await voiceFields(main, form, problem);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = find("textarea", form).value;
    if (!chosen && !text.trim()) {
      show(problem, "There is no story yet. Paste a text, or choose a file.");
      find("textarea", form).focus();
      return;
    }
    const button = find("#narrate", form);
    button.disabled = true;
    show(problem, "");
    try {
      const file = chosen ?? pasted(text);
      show(problem, tooLarge(file));
      if (problem.textContent) return;
      const { name, left_out } = await send("POST", `/stories?${query(file, form, fields)}`, file);
      await send("POST", `/projects/${name}/narrate`);
      go(name, left_out);
    } catch (error) {
      show(problem, error.message);
    } finally {
      button.disabled = false;
    }
  });
  await list(main);
  return () => ended.abort();
}

async function voiceFields(main, form, problem) {
  try {
    const offered = await voices();
    const pace = paceField(1);
    const narrator = voiceField(offered, "Narrator", offered.default, null, pace.value);
    const dialogue = voiceField(offered, "Dialogue", null, "Same as the narrator", pace.value);
    find(".voices", form).append(pace.field, narrator.field, dialogue.field);
    const note = find(".built-in", main);
    note.hidden = !offered.is_built_in;
    find("code", note).textContent = offered.advice;
    return { voice: narrator.value, dialogue: dialogue.value, speed: pace.value };
  } catch (error) {
    show(problem, error.message);
    return { voice: () => "af_bella", dialogue: () => null, speed: () => 1 };
  }
}

function query(file, form, fields) {
  const asked = new URLSearchParams({ name: file.name, voice: fields.voice(), speed: fields.speed() });
  const title = find("#title", form).value.trim();
  if (title) asked.set("title", title);
  if (fields.dialogue()) asked.set("dialogue", fields.dialogue());
  return asked;
}

/** Return a pasted text as a file: Markdown if it has headings like those. */
function pasted(text) {
  return new File([text], /^#{1,6}\s/m.test(text) ? "pasted.md" : "pasted.txt");
}

function tooLarge(file) {
  if (file.size <= MOST_BYTES) return "";
  return `“${file.name}” has ${size(file.size)}. A story may have up to 64 MB: cut it into several files.`;
}

function size(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${Math.round(bytes / 1e6)} MB`;
}

function takeDrops(area, choose, signal) {
  const has_file = (event) => event.dataTransfer?.types.includes("Files");
  let inside = 0;
  const mark = () => area.classList.toggle("over", inside > 0);
  document.addEventListener("dragenter", (event) => { if (has_file(event)) { inside += 1; mark(); } }, { signal });
  document.addEventListener("dragleave", (event) => { if (has_file(event)) { inside -= 1; mark(); } }, { signal });
  document.addEventListener("dragover", (event) => { if (has_file(event)) event.preventDefault(); }, { signal });
  document.addEventListener("drop", (event) => {
    if (!has_file(event)) return;
    event.preventDefault();
    inside = 0;
    mark();
    if (event.dataTransfer.files[0]) choose(event.dataTransfer.files[0]);
  }, { signal });
}

async function list(main) {
  const projects = await get("/projects");
  const items = projects.map((project) => {
    const item = copied("listed");
    find("a", item).href = `/?story=${encodeURIComponent(project.name)}`;
    find(".listed-title", item).textContent = project.title;
    find(".listed-more", item).textContent = described(project);
    return item;
  });
  const shown = all(".stories li", main);
  const has_changed = items.length !== shown.length || items.some((item, place) => !item.isEqualNode(shown[place]));
  if (has_changed) find(".stories ul", main).replaceChildren(...items);
  find(".stories .empty", main).hidden = projects.length > 0;
}

function described(project) {
  if (project.error) return "cannot be read";
  if (project.state !== "idle") return "being narrated";
  if (!project.duration) return "not narrated yet";
  return length(project.duration) + (project.is_complete ? "" : ", not complete");
}
