// Fields in which voices are chosen, each with a preview.

import { get, spoken } from "./api.js";
import { copied, find } from "./dom.js";

let known = null;

/** Return the model and its voices. */
export async function voices() {
  known ??= get("/voices");
  try {
    return await known;
  } catch (error) {
    known = null;
    throw error;
  }
}

/** Return a field for the voice of `who`; `otherwise` is a first choice that means no voice of its own. */
export function voiceField(offered, who, chosen, otherwise = null, pace = () => 1) {
  const field = copied("voice-field");
  const select = named(field);
  find("label", field).textContent = who;
  if (otherwise) select.append(new Option(otherwise, ""));
  for (const [language, spoken] of grouped(offered.voices)) {
    const group = document.createElement("optgroup");
    group.label = language;
    group.append(...spoken.map((voice) => new Option(described(voice), voice.id)));
    select.append(group);
  }
  if (chosen && !offered.voices.some((voice) => voice.id === chosen)) select.append(new Option(chosen, chosen));
  select.value = chosen ?? "";
  const button = find(".preview", field);
  const name = () => {
    button.setAttribute("aria-label", `Preview of the voice: ${who}`);
    button.disabled = !select.value;
  };
  select.addEventListener("change", name);
  name();
  button.addEventListener("click", () => preview(button, offered, select.value, pace()));
  return { field, value: () => select.value || null };
}

export function paceField(chosen) {
  const field = copied("pace-field");
  const select = named(field);
  if (![...select.options].some((option) => Number(option.value) === chosen)) {
    select.append(new Option(`${chosen}×`, String(chosen)));
  }
  select.value = String(chosen);
  return { field, value: () => Number(select.value) };
}

let fields = 0;

/** Return the select of a field, which its label then names. */
function named(field) {
  const select = find("select", field);
  select.id = `field-${++fields}`;
  find("label", field).htmlFor = select.id;
  return select;
}

function grouped(list) {
  const groups = new Map();
  for (const voice of list) groups.set(voice.language, [...(groups.get(voice.language) ?? []), voice]);
  return groups;
}

function described(voice) {
  const more = voice.description ? voice.description.toLowerCase() : voice.gender.toLowerCase();
  return `${voice.name} – ${more}`;
}

const audio = new Audio();
let playing = null;

export function stopPreview() {
  audio.pause();
  if (playing) {
    playing.classList.remove("on", "busy");
    URL.revokeObjectURL(audio.src);
  }
  playing = null;
}

async function preview(button, offered, voice, speed) {
  const was_on = playing === button;
  stopPreview();
  if (was_on) return;
  playing = button;
  button.classList.add("on", "busy");
  document.dispatchEvent(new Event("preview"));
  try {
    const sample = offered.voices.find((one) => one.id === voice)?.sample ?? offered.voices[0].sample;
    const sound = await spoken(offered.model, voice, speed, sample);
    if (playing !== button) return;
    button.classList.remove("busy");
    audio.src = URL.createObjectURL(sound);
    await audio.play();
  } catch (error) {
    if (playing !== button) return;
    stopPreview();
    document.dispatchEvent(new CustomEvent("problem", { detail: error.message }));
  }
}

audio.addEventListener("ended", stopPreview);
