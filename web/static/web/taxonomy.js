// The list of classes by keyboard: arrows walk, Space ticks, Escape comes back from a form.
// What a key does is a button or a link of the page; without this script Tab reaches them all.

const rows = () => [...document.querySelectorAll("#class-list .class-row")].filter((row) => !row.hidden);
const linkOf = (row) => row.querySelector("a.class-name");
const chosen = () => document.getElementById("chosen");

// One stop for Tab in the list: where the reader was, else the first class.
function settle() {
  const all = [...document.querySelectorAll("#class-list .class-row")].filter(linkOf);
  if (!all.length) return;
  const at = all.find((row) => row.dataset.class === chosen().value && !row.hidden) || rows()[0];
  for (const row of all) {
    linkOf(row).tabIndex = row === at ? 0 : -1;
    row.querySelector("input").tabIndex = -1;
  }
}

function go(row) {
  if (!row) return;
  chosen().value = row.dataset.class;
  settle();
  linkOf(row).focus();
}

function filter(field) {
  const wanted = field.value.trim().toLowerCase();
  for (const row of document.querySelectorAll("#class-list .class-row")) {
    row.hidden = !row.dataset.find.includes(wanted);
  }
  for (const heading of document.querySelectorAll("[data-heading]")) heading.hidden = wanted !== "";
  document.querySelector("[data-found]").textContent = wanted ? `${rows().length} found` : "";
  settle();
}

document.addEventListener("focusin", (event) => {
  const row = event.target.closest?.("#class-list .class-row");
  if (row && linkOf(row)) {
    chosen().value = row.dataset.class;
    settle();
  }
});

document.addEventListener("input", (event) => {
  if (event.target.id === "find") filter(event.target);
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.id === "find" && ["Enter", "ArrowDown"].includes(event.key)) {
    event.preventDefault();
    go(rows()[0]);
    return;
  }
  if (event.key === "Escape" && event.target.closest?.("#panel, #find")) {
    go(rows().find((row) => row.dataset.class === chosen()?.value) || rows()[0]);
    return;
  }
  const row = event.target.closest?.("#class-list .class-row");
  if (!row) return;
  const all = rows();
  const at = all.indexOf(row);
  const step = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
  if (step !== undefined) {
    event.preventDefault();
    go(all[Math.min(Math.max(step, 0), all.length - 1)]);
  } else if (event.key === " " && event.target.matches("a")) {
    event.preventDefault();
    row.querySelector("input").click();
  }
});

// What was swapped in is a new list: it has to be settled, and filtered as before.
document.addEventListener("htmx:after:swap", () => {
  for (const element of document.querySelectorAll("[data-hide]")) element.hidden = true;
  const field = document.getElementById("find");
  if (field?.value) filter(field);
  else if (chosen()) settle();
});

if (chosen()) settle();
