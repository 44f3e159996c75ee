// j and k walk down and up the cards of the list; Enter opens the one that has the focus.

const links = [...document.querySelectorAll("[data-walk] a.cover")];

document.addEventListener("keydown", (event) => {
  const step = { j: 1, k: -1 }[event.key];
  if (!step || !links.length || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input, select, textarea") || document.querySelector("dialog[open]")) return;
  const at = links.indexOf(document.activeElement);
  const next = at < 0 ? (step > 0 ? 0 : links.length - 1) : at + step;
  const link = links[Math.min(Math.max(next, 0), links.length - 1)];
  link.focus({ preventScroll: true });
  link.closest("li").scrollIntoView({ block: "nearest" });
});
