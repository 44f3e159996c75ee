// Fields that only some formats have are shown while one of these is chosen; their options are
// folded until then, so that nothing moves while the page comes.

const format = document.querySelector("select[name=format]");
const options = document.querySelector("[data-options]");

function show() {
  for (const one of document.querySelectorAll("[data-formats]")) {
    one.hidden = !one.dataset.formats.split(" ").includes(format.value);
  }
}

if (format) {
  format.addEventListener("change", () => {
    show();
    options.open = options.querySelector("[data-formats]:not([hidden])") !== null;
  });
  show();
}
