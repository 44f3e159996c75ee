// Fields that only some formats have are shown while one of these is chosen; their options are
// folded until then, so that nothing moves while the page comes.

const format = document.querySelector("select[name=format]");
const options = document.querySelector("[data-options]");
const none = document.querySelector("[data-no-options]");

function show() {
  for (const one of document.querySelectorAll("[data-formats]")) {
    one.hidden = !one.dataset.formats.split(" ").includes(format.value);
  }
  none.hidden = hasOptions();
}

function hasOptions() {
  return options.querySelector("[data-formats]:not([hidden])") !== null;
}

if (format) {
  format.addEventListener("change", () => {
    show();
    options.open = hasOptions();
  });
  // Which formats have a field need not be said once the others are hidden.
  for (const titles of document.querySelectorAll("[data-titles]")) titles.hidden = true;
  show();
}
