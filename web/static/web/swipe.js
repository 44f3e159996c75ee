// The slider says how much of the new side covers the old one.

for (const part of document.querySelectorAll("[data-swipe]")) {
  const slider = part.querySelector("input[type=range]");
  const stage = part.querySelector(".swipe-stage");
  const show = () => stage.style.setProperty("--swipe", `${100 - slider.value}%`);
  slider.addEventListener("input", show);
  show();
}
