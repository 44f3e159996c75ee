// The tools above the picture: each shows a part of the viewer's state, and changes it.

const PARTS = ["mode", "colorBy", "onlyChanges", "outlines", "opacity", "brightness", "layer", "hidden"];

export class ToolBar {
  /**
   * @param {HTMLElement} bar
   * @param {{onChange: (changes: object) => void, onBlink: (held: boolean) => void, onFit: () => void}} hears
   */
  constructor(bar, hears) {
    this.bar = bar;
    this.hears = hears;
    this.state = null;
    this.all("[data-mode]", (button) =>
      button.addEventListener("click", () => hears.onChange({ mode: button.dataset.mode })),
    );
    this.all("[data-toggle]", (button) =>
      button.addEventListener("click", () =>
        hears.onChange({ [button.dataset.toggle]: button.getAttribute("aria-pressed") !== "true" }),
      ),
    );
    this.all("input[data-part]", (field) =>
      field.addEventListener("input", () => hears.onChange(this.read(field))),
    );
    this.all("select[data-part]", (menu) => this.listenToMenu(menu));
    this.all("[data-class]", (box) => box.addEventListener("change", () => hears.onChange(this.readClasses())));
    this.one("[data-all]", (button) => button.addEventListener("click", () => this.tick(true)));
    this.one("[data-none]", (button) => button.addEventListener("click", () => this.tick(false)));
    this.one("[data-fit]", (button) => button.addEventListener("click", () => hears.onFit()));
    this.one("[data-blink]", (button) => this.listenToBlink(button));
    this.one("[data-classes]", (menu) => this.closeWhenLeft(menu));
  }

  /** Make the tools of these modes work. */
  enable(modes) {
    this.all("button, input, select", (tool) => (tool.disabled = false));
    this.all("[data-mode]", (button) => {
      button.disabled = !modes.includes(button.dataset.mode);
      if (button.disabled) button.title = "not for this image: there is nothing to lay over each other";
    });
    this.one("[data-blink]", (button) => (button.disabled = modes.length < 2));
  }

  /** Show what the viewer shows. */
  show(state) {
    // While the picture is dragged, only the camera changes.
    if (this.state && PARTS.every((part) => this.state[part] === state[part])) return;
    this.state = state;
    this.all("[data-mode]", (button) => button.setAttribute("aria-pressed", button.dataset.mode === state.mode));
    this.all("[data-toggle]", (button) => button.setAttribute("aria-pressed", state[button.dataset.toggle]));
    this.all("[data-class]", (box) => (box.checked = !state.hidden.has(Number(box.value))));
    this.one("[data-hidden-count]", (count) => {
      count.hidden = !state.hidden.size;
      count.textContent = `${state.hidden.size} hidden`;
    });
    for (const part of ["colorBy", "opacity", "brightness"]) this.set(part, state[part]);
    this.set("layer", state.layer ?? "");
  }

  set(part, value) {
    this.one(`[data-part="${part}"]`, (field) => {
      // While it is dragged, the field is ahead of the state.
      if (Number(field.value) !== value) field.value = value;
      if (field.matches("[type=range]")) field.setAttribute("aria-valuetext", `${Math.round(100 * value)} %`);
    });
  }

  read(field) {
    const { part } = field.dataset;
    if (part === "layer") return { layer: field.value === "" ? null : Number(field.value) };
    return { [part]: field.matches("select") ? field.value : Number(field.value) };
  }

  readClasses() {
    const boxes = [...this.bar.querySelectorAll("[data-class]:not(:checked)")];
    return { hidden: new Set(boxes.map((box) => Number(box.value))) };
  }

  tick(checked) {
    this.all("[data-class]", (box) => (box.checked = checked));
    this.hears.onChange(this.readClasses());
  }

  listenToMenu(menu) {
    let isByPointer = false;
    menu.addEventListener("pointerdown", () => (isByPointer = true));
    menu.addEventListener("keydown", () => (isByPointer = false));
    menu.addEventListener("change", () => {
      this.hears.onChange(this.read(menu));
      // Else the keys of the page would be letters for the menu.
      if (isByPointer) menu.blur();
    });
  }

  listenToBlink(button) {
    const blink = (held) => {
      button.setAttribute("aria-pressed", held);
      this.hears.onBlink(held);
    };
    button.addEventListener("key-hold", (event) => blink(event.detail));
    button.addEventListener("pointerdown", (event) => {
      button.setPointerCapture(event.pointerId);
      blink(true);
    });
    for (const name of ["pointerup", "pointercancel"]) button.addEventListener(name, () => blink(false));
  }

  closeWhenLeft(menu) {
    menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !menu.open) return;
      event.stopPropagation();
      menu.open = false;
      menu.querySelector("summary").focus();
    });
    document.addEventListener("pointerdown", (event) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
    menu.addEventListener("focusout", (event) => {
      if (event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
    });
  }

  all(selector, act) {
    this.bar.querySelectorAll(selector).forEach((element) => act(element));
  }

  one(selector, act) {
    const element = this.bar.querySelector(selector);
    if (element) act(element);
  }
}
