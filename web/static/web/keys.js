// Keys: an element with data-key="n" is clicked, or focused if one writes into it, when n is
// pressed; "?" lists what there is. Nothing happens while somebody writes.
//
// data-key-hold: the element hears "key-hold" with detail true, and false when the key is let go.
// data-key-next: the menu goes on to its next choice. A list with data-more-keys tells of keys
// that no element of the page stands for.

const isWriting = (target) =>
  target instanceof HTMLElement &&
  (target.isContentEditable || target.matches("input:not([type=checkbox], [type=radio], [type=range]), select, textarea"));

const byKey = () => [...document.querySelectorAll("[data-key]:not(:disabled)")];
const dialog = document.getElementById("keys");
let held = null;

function help() {
  const list = dialog.querySelector("dl");
  list.replaceChildren();
  for (const element of byKey()) {
    tell(list, element.dataset.key, element.dataset.keyText || element.textContent.trim());
  }
  for (const more of document.querySelectorAll("[data-more-keys]")) list.append(...more.cloneNode(true).children);
  tell(list, "?", "this list");
  for (const term of list.querySelectorAll("dt")) {
    const key = document.createElement("kbd");
    key.append(...term.childNodes);
    term.append(key);
  }
  dialog.showModal();
}

function tell(list, key, text) {
  const term = document.createElement("dt");
  term.textContent = key;
  const meaning = document.createElement("dd");
  meaning.textContent = text;
  const pair = document.createElement("div");
  pair.append(term, meaning);
  list.append(pair);
}

function press(element) {
  if ("keyNext" in element.dataset) {
    element.selectedIndex = (element.selectedIndex + 1) % element.options.length;
    element.dispatchEvent(new Event("change", { bubbles: true }));
  } else if (element.matches("input:not([type=checkbox], [type=radio]), select, textarea")) {
    element.focus();
  } else {
    element.click();
  }
}

function letGo() {
  held?.element.dispatchEvent(new CustomEvent("key-hold", { detail: false }));
  held = null;
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
  if (!("keyHold" in element.dataset)) {
    press(element);
  } else if (!event.repeat) {
    letGo();
    held = { element, key: event.key };
    element.dispatchEvent(new CustomEvent("key-hold", { detail: true }));
  }
});

document.addEventListener("keyup", (event) => {
  if (held && event.key === held.key) letGo();
});
// What was held when the window was left is not heard of again.
window.addEventListener("blur", letGo);

for (const button of document.querySelectorAll("[data-keys-help]")) {
  button.hidden = false;
  button.addEventListener("click", help);
}

// A menu that chooses what the page shows needs no button where scripts run.
for (const menu of document.querySelectorAll("[data-submit]")) {
  menu.addEventListener("change", () => menu.form.requestSubmit());
}
for (const element of document.querySelectorAll("[data-hide]")) element.hidden = true;
