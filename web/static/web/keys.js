// Keys: an element with data-key="n" is clicked, or focused if it is a field, when n is
// pressed; "?" lists what there is. Nothing happens while somebody writes.

const isWriting = (target) =>
  target instanceof HTMLElement &&
  (target.isContentEditable || target.matches("input:not([type=checkbox], [type=range]), select, textarea"));

const byKey = () => [...document.querySelectorAll("[data-key]")];
const dialog = document.getElementById("keys");

function help() {
  const list = dialog.querySelector("dl");
  list.replaceChildren();
  for (const element of [...byKey(), null]) {
    const key = document.createElement("kbd");
    key.textContent = element ? element.dataset.key : "?";
    const term = document.createElement("dt");
    term.append(key);
    const text = document.createElement("dd");
    text.textContent = element ? element.dataset.keyText || element.textContent.trim() : "this list";
    list.append(term, text);
  }
  dialog.showModal();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return;
  if (dialog.open) return;
  if (event.key === "?") {
    help();
    return;
  }
  const element = byKey().find((one) => one.dataset.key === event.key);
  if (!element) return;
  event.preventDefault();
  if (element.matches("input, select, textarea")) element.focus();
  else element.click();
});

const button = document.querySelector("[data-keys-help]");
button.hidden = false;
button.addEventListener("click", help);

// A menu that chooses what the page shows needs no button where scripts run.
for (const menu of document.querySelectorAll("[data-submit]")) {
  menu.addEventListener("change", () => menu.form.requestSubmit());
}
for (const element of document.querySelectorAll("[data-hide]")) element.hidden = true;
