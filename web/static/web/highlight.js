// A row of a table under the pointer, or with the focus, lights its box in every picture.
// j and k walk down and up the rows.

const table = document.querySelector("table[data-boxes]");
const rows = table ? [...table.querySelectorAll("tr[data-box]")] : [];
const boxesOf = (row) => document.querySelectorAll(`.boxes rect[data-box="${row.dataset.box}"]`);

function light(row, isLit) {
  row.classList.toggle("is-lit", isLit);
  for (const box of boxesOf(row)) box.classList.toggle("is-lit", isLit);
}

for (const row of rows) {
  for (const name of ["pointerenter", "focus"]) row.addEventListener(name, () => light(row, true));
  row.addEventListener("pointerleave", () => light(row, row === document.activeElement));
  row.addEventListener("blur", () => light(row, false));
}

document.addEventListener("keydown", (event) => {
  const step = { j: 1, k: -1 }[event.key];
  if (!step || !rows.length || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input, select, textarea")) return;
  const at = rows.indexOf(document.activeElement);
  const next = at < 0 ? (step > 0 ? 0 : rows.length - 1) : at + step;
  rows[Math.min(Math.max(next, 0), rows.length - 1)].focus({ preventScroll: false });
});
