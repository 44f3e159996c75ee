// Buttons with data-copy put that text on the clipboard, where the browser allows it.

function show(root) {
  for (const button of root.querySelectorAll("[data-copy]")) button.hidden = false;
}

if (navigator.clipboard) {
  show(document);
  // A part of the page came anew.
  document.addEventListener("part-replaced", (event) => show(event.target));
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    button.classList.add("is-done");
    setTimeout(() => button.classList.remove("is-done"), 1200);
  });
}
