// What lies over the canvas: captions, messages, the handles of swipe and onion, the pointer's
// twin on the other pane. All of it in the shadow of the element; styles by CSSOM, as a strict
// policy allows.

const STYLE = `
  :host { display: block; position: relative; overflow: hidden; background: #15181c; color: #f1f3f5; contain: strict;
    font: 500 0.8125rem/1.4 system-ui, sans-serif; touch-action: none; }
  :host(:focus-visible) { outline: 3px solid var(--focus, #4dabf7); outline-offset: 2px; }
  .stage { position: absolute; inset: 0; cursor: crosshair; touch-action: none; user-select: none; }
  .stage.is-dragged { cursor: grabbing; }
  canvas { position: absolute; inset: 0; width: 100%; height: 100%; }
  slot { display: block; position: absolute; inset: 0; overflow: auto; }
  [hidden] { display: none !important; }
  .caption { position: absolute; top: 0.5rem; padding: 0.1rem 0.55rem; border-radius: 99px; background: rgb(13 16 20 / 78%);
    box-shadow: inset 0 0 0 1px rgb(255 255 255 / 22%); pointer-events: none; white-space: nowrap; max-width: 45%;
    overflow: hidden; text-overflow: ellipsis; }
  .note { position: absolute; bottom: 0.5rem; padding: 0.1rem 0.55rem; border-radius: 6px; background: rgb(13 16 20 / 78%);
    pointer-events: none; max-width: 90%; font-weight: 400; }
  .note.is-central { background: none; font-size: 0.9375rem; color: #ced4da; }
  .message { position: absolute; left: 50%; bottom: 0.75rem; transform: translateX(-50%); width: max-content; max-width: min(90%, 44rem);
    padding: 0.45rem 0.9rem; border-radius: 8px; background: rgb(13 16 20 / 88%); box-shadow: inset 0 0 0 1px rgb(255 255 255 / 25%); text-align: center; }
  .message.is-quiet { color: #ced4da; font-weight: 400; }
  .bar { position: absolute; inset-block: 0; width: 44px; margin-left: -22px; cursor: ew-resize; touch-action: none; }
  .bar::before { content: ""; position: absolute; inset-block: 0; left: 50%; width: 2px; margin-left: -1px; background: #fff; box-shadow: 0 0 0 1px rgb(0 0 0 / 55%); }
  .bar::after, .knob::after { content: "‹ ›"; position: absolute; left: 50%; top: 50%; width: 34px; height: 34px; margin: -17px 0 0 -17px; border-radius: 50%;
    display: grid; place-content: center; background: #fff; color: #15181c; font: 700 1rem/1 system-ui, sans-serif; letter-spacing: 1px; box-shadow: 0 0 0 1px rgb(0 0 0 / 55%), 0 2px 8px rgb(0 0 0 / 45%); }
  .bar:focus-visible, .blend input:focus-visible { outline: none; }
  .bar:focus-visible::after { outline: 3px solid #4dabf7; outline-offset: 2px; }
  .blend { position: absolute; left: 50%; bottom: 0.75rem; transform: translateX(-50%); display: flex; align-items: center; gap: 0.6rem; padding: 0.3rem 0.9rem;
    border-radius: 99px; background: rgb(13 16 20 / 82%); box-shadow: inset 0 0 0 1px rgb(255 255 255 / 22%); }
  .blend input { width: min(16rem, 35vw); accent-color: #4dabf7; }
  .blend input:focus-visible { outline: 3px solid #4dabf7; outline-offset: 3px; border-radius: 4px; }
  .twin { position: absolute; left: 0; top: 0; width: 17px; height: 17px; margin: -8px 0 0 -8px; pointer-events: none; }
  .twin::before, .twin::after { content: ""; position: absolute; background: #fff; box-shadow: 0 0 0 1px rgb(0 0 0 / 70%); }
  .twin::before { left: 8px; top: 0; width: 1px; height: 17px; }
  .twin::after { top: 8px; left: 0; height: 1px; width: 17px; }
`;

const make = (tag, fields = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), fields);
  element.append(...children);
  return element;
};

export class Chrome {
  constructor(root) {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    this.root = root;
    this.canvas = this.makeCanvas();
    this.captions = [make("div", { className: "caption" }), make("div", { className: "caption" })];
    this.notes = [make("div", { className: "note" }), make("div", { className: "note" })];
    this.bar = make("div", { className: "bar", tabIndex: 0, role: "slider", ariaLabel: "How much of the old side is shown", hidden: true });
    this.bar.ariaValueMin = "0";
    this.bar.ariaValueMax = "100";
    this.slider = make("input", { type: "range", min: 0, max: 1, step: 0.01, ariaLabel: "From the old side to the new one" });
    this.blendEnds = [make("span"), make("span")];
    this.blend = make("div", { className: "blend", hidden: true }, this.blendEnds[0], this.slider, this.blendEnds[1]);
    this.twin = make("div", { className: "twin", hidden: true });
    this.message = make("div", { className: "message", hidden: true, role: "status" });
    this.fallback = make("slot");
    this.stage = make("div", { className: "stage" }, this.canvas, ...this.captions, ...this.notes, this.twin, this.bar, this.blend);
    root.append(this.stage, this.fallback, this.message);
    for (const one of [...this.captions, ...this.notes]) one.hidden = true;
    this.canvas.hidden = true;
  }

  makeCanvas() {
    const canvas = make("canvas");
    canvas.ariaHidden = "true";
    return canvas;
  }

  /** A canvas of which nobody asked for a context yet. */
  freshCanvas() {
    const canvas = this.makeCanvas();
    canvas.hidden = this.canvas.hidden;
    [canvas.width, canvas.height] = [this.canvas.width, this.canvas.height];
    this.canvas.replaceWith(canvas);
    this.canvas = canvas;
    return canvas;
  }

  /** Say something over the pictures; with `isBroken` what stands in the element is shown again. */
  say(text, { isQuiet = false, isBroken = false } = {}) {
    this.message.textContent = text;
    this.message.hidden = !text;
    this.message.classList.toggle("is-quiet", isQuiet);
    if (isBroken) this.showFallback(true);
  }

  showFallback(isShown) {
    this.fallback.hidden = !isShown;
    this.canvas.hidden = isShown;
    if (isShown) for (const one of [...this.captions, ...this.notes, this.bar, this.blend]) one.hidden = true;
  }

  /** Begin to show a scene. */
  present(scene, names) {
    this.scene = scene;
    this.names = names;
    this.showFallback(false);
    this.say("");
    this.blendEnds.forEach((end, place) => (end.textContent = [names.old, names.new][place]));
    if (scene.resized) {
      const size = (side) => `${side.width} × ${side.height}`;
      this.say(
        `The two labels have different sizes (${size(scene.sides.old)} and ${size(scene.sides.new)} pixels): they can only be shown beside each other.`,
      );
    }
  }

  /** Lay everything where a frame has it. */
  follow(plan) {
    const { mode, state, panes } = plan;
    this.plan = plan;
    this.followCaptions(plan);
    this.bar.hidden = mode !== "swipe" || panes[0].what !== "swipe";
    this.bar.style.left = `${state.swipe * panes[0].view.width}px`;
    this.bar.ariaValueNow = String(Math.round(state.swipe * 100));
    this.blend.hidden = mode !== "onion" || panes[0].what !== "onion";
    if (Number(this.slider.value) !== state.onion) this.slider.value = String(state.onion);
    if (mode !== "two-up") this.twin.hidden = true;
  }

  /** Show where the pointer would be on the other pane; null: nowhere. */
  showTwin(point) {
    this.twin.hidden = !point;
    if (point) this.twin.style.transform = `translate(${Math.round(point[0])}px, ${Math.round(point[1])}px)`;
  }

  followCaptions({ panes }) {
    const shown = panes.flatMap((pane) => captionsOf(pane));
    this.captions.forEach((caption, place) => {
      const one = shown[place];
      caption.hidden = !one || this.scene.isOneSided;
      this.notes[place].hidden = true;
      if (!one) return;
      caption.textContent = this.names[one.side];
      caption.style.left = one.isRight ? "auto" : `${one.view.x + 8}px`;
      caption.style.right = one.isRight ? "8px" : "auto";
      caption.style.top = `${one.view.y + 8}px`;
      const note = noteOf(this.scene, one.side);
      this.notes[place].hidden = !note;
      this.notes[place].textContent = note;
      this.notes[place].classList.toggle("is-central", !this.scene.sides[one.side]);
      const { x, y, width, height } = one.view;
      const isMissing = !this.scene.sides[one.side];
      // A note on a side that is not there stands where its picture would be.
      this.notes[place].style.transform = isMissing ? "translate(-50%, -50%)" : "none";
      this.notes[place].style.left = isMissing ? `${x + width / 2}px` : one.isRight ? "auto" : `${x + 8}px`;
      this.notes[place].style.right = one.isRight && !isMissing ? "8px" : "auto";
      this.notes[place].style.top = isMissing ? `${y + height / 2}px` : `${y + height - 34}px`;
      this.notes[place].style.bottom = "auto";
    });
  }

  isHandle(event) {
    return event.composedPath().some((part) => part === this.bar || part === this.blend);
  }

  /** Tell `act` of what is done to the handles. */
  onHandle(act, signal) {
    const drag = (event) => {
      if (!this.bar.hasPointerCapture(event.pointerId)) return;
      const bounds = this.stage.getBoundingClientRect();
      act({ swipe: (event.clientX - bounds.left) / bounds.width });
    };
    this.bar.addEventListener("pointerdown", (event) => this.bar.setPointerCapture(event.pointerId), { signal });
    this.bar.addEventListener("pointermove", drag, { signal });
    this.bar.addEventListener(
      "keydown",
      (event) => {
        const step = { ArrowLeft: -0.02, ArrowRight: 0.02, Home: -1, End: 1 }[event.key];
        if (step === undefined) return;
        event.preventDefault();
        event.stopPropagation();
        act({ swipe: this.plan.state.swipe + step });
      },
      { signal },
    );
    this.slider.addEventListener("input", () => act({ onion: Number(this.slider.value) }), { signal });
  }
}

function captionsOf({ what, side, view }) {
  if (what === "swipe" || what === "onion") {
    return [{ side: "old", view }, { side: "new", view, isRight: true }];
  }
  return what === "label" ? [{ side, view }] : [];
}

/** What is missing on a side, in words. */
function noteOf(scene, name) {
  const side = scene.sides[name];
  if (!side) return "not in this version";
  const parts = [];
  if (!side.panoptic) parts.push("no label");
  else if (!side.segments.id.length) parts.push("an empty label");
  if (side.photo_problem) parts.push(side.photo_problem);
  else if (!side.photo) parts.push("no photograph");
  return parts.join(" · ");
}
