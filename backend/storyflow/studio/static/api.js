// Requests to the server. The key, if the server needs one, is kept for this tab.

import { copied, find } from "./dom.js";

const KEY = "storyflow-key";
const API = "/studio/api";

/** What the server refuses, in words for people. */
export class Refusal extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** The server cannot be reached. */
export class Unreachable extends Error {}

const headers = () => {
  const key = sessionStorage.getItem(KEY);
  return key ? { Authorization: `Bearer ${key}` } : {};
};

/** Send a request and return its answer; ask for the key if one is needed. */
async function answered(path, options = {}) {
  for (;;) {
    const sent = headers();
    const answer = await reached(path, { ...options, headers: { ...options.headers, ...sent } });
    if (answer.ok) return answer;
    const is_locked = answer.status === 401 || answer.headers.has("WWW-Authenticate");
    if (!is_locked) throw new Refusal(await reason(answer), answer.status);
    if (sent.Authorization === headers().Authorization) await askForKey("Authorization" in sent);
  }
}

async function reached(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Unreachable("The server does not answer.");
  }
}

async function reason(answer) {
  try {
    const said = await answer.json();
    return said.detail ?? said.error.message;
  } catch {
    return `The server answers with status ${answer.status}.`;
  }
}

let asking = null;

function askForKey(was_wrong) {
  asking ??= new Promise((resolve) => {
    const dialog = copied("key");
    document.body.append(dialog);
    find(".problem", dialog).hidden = !was_wrong;
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    dialog.addEventListener("close", () => {
      sessionStorage.setItem(KEY, find("input", dialog).value);
      dialog.remove();
      asking = null;
      resolve();
    });
    dialog.showModal();
  });
  return asking;
}

export const get = async (path) => (await answered(API + path)).json();

export async function send(method, path, body) {
  const options = { method };
  if (body instanceof Blob) {
    options.body = body;
    options.headers = { "Content-Type": "application/octet-stream" };
  } else {
    options.body = JSON.stringify(body ?? {});
    options.headers = { "Content-Type": "application/json" };
  }
  return (await answered(API + path, options)).json();
}

/** Return audio as an address for a player, which cannot send a key itself; and how to let go of it. */
export async function source(path) {
  if (!sessionStorage.getItem(KEY)) return { address: API + path, release() {} };
  const address = URL.createObjectURL(await (await answered(API + path)).blob());
  return { address, release: () => URL.revokeObjectURL(address) };
}

/** Let the browser save a file. */
export async function save(path, name) {
  const { address, release } = await source(path);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(release, 60_000);
}

/** Return a spoken sentence as a blob. */
export async function spoken(model, voice, speed, input) {
  const body = JSON.stringify({ model, voice, speed, input, response_format: "mp3" });
  const options = { method: "POST", body, headers: { "Content-Type": "application/json" } };
  return (await answered("/v1/audio/speech", options)).blob();
}
