// Changing a paragraph in its place.

import { copied, find, show } from "./dom.js";

/** Let the user change a paragraph; `save(text)` is awaited, and says with an error what is wrong. */
export function edit(element, save) {
  if (element.classList.contains("editing")) return;
  const form = copied("editor");
  const area = find("textarea", form);
  area.value = element.paragraph.text;
  element.classList.add("editing");
  element.append(form);
  const fit = () => {
    area.style.height = "auto";
    area.style.height = `${area.scrollHeight + 4}px`;
  };
  area.addEventListener("input", fit);
  fit();
  area.focus({ preventScroll: true });
  form.scrollIntoView({ block: "nearest" });

  const close = () => {
    element.classList.remove("editing");
    form.remove();
    if (element.isConnected) element.focus();
  };
  find(".cancel", form).addEventListener("click", close);
  form.addEventListener("keydown", (event) => {
    event.stopPropagation(); // keys are for the text here
    if (event.key === "Escape") close();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = find(".primary", form);
    button.disabled = true;
    try {
      element.classList.remove("editing"); // so that its new text is shown when it comes
      await save(area.value);
      close();
    } catch (error) {
      element.classList.add("editing");
      show(find(".problem", form), error.message);
    } finally {
      button.disabled = false;
    }
  });
}
