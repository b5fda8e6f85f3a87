// The page: which view is shown. The address says which story; all else is what the server says.

import { home } from "./home.js";
import { find } from "./dom.js";
import { story } from "./story.js";

const main = document.getElementById("main");
let end = () => {};
let turn = 0;

async function shown(left_out = null) {
  const mine = ++turn;
  end();
  end = () => {};
  const name = new URLSearchParams(location.search).get("story");
  const ended = name ? await story(main, name, go, left_out) : await home(main, go);
  if (mine === turn) end = ended;
  else ended();
}

function go(name, left_out = null) {
  history.pushState(null, "", name ? `/?story=${encodeURIComponent(name)}` : "/");
  scrollTo(0, 0);
  shown(left_out).then(() => main.focus({ preventScroll: true }));
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-link]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  go(new URL(link.href).searchParams.get("story"));
});
find(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
addEventListener("popstate", () => shown());
shown();
