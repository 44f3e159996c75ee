// <panoptic-viewer src="…/viewer.json" mode="two-up">: labels over photographs, two sides.
//
// What stands inside of the element is shown until its pictures are there, and where they cannot
// be drawn. Attributes: src; mode; old-name and new-name, the captions; renderer="canvas2d" to do
// without WebGL. State goes in by `update`, and comes out by the event `viewer-update`.

import { boxCamera, keptInside, toImage } from "./camera.js";
import { makeCanvas2d } from "./canvas2d.js";
import { Chrome } from "./chrome.js";
import { listen } from "./input.js";
import { cameraOf, layOut, planFrame, shownMode } from "./plan.js";
import { CHANGE, ID, loadScene, numberAt, numberOf, SceneError, told } from "./scene.js";
import { firstState, modesOf, updated } from "./state.js";
import { makeWebgl } from "./webgl.js";

const SIDES = ["old", "new"];

export class PanopticViewer extends HTMLElement {
  static observedAttributes = ["src", "mode", "old-name", "new-name"];

  #state = firstState();
  #scene = null;
  #renderer = null;
  #loading = null;
  #frame = 0;
  #isBlinking = false;
  #size = { width: 0, height: 0, ratio: 1 };
  #settle = {};
  #first = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));

  constructor() {
    super();
    this.chrome = new Chrome(this.attachShadow({ mode: "open" }));
    this.#first.catch(() => {}); // who does not wait for `ready` hears of errors by the event
    this.resizing = new ResizeObserver(() => this.#measure());
    this.frames = 0; // drawn so far
    this.drawMilliseconds = 0; // of the script, for the last one
  }

  connectedCallback() {
    this.stopListening = listen(this, this.chrome);
    this.resizing.observe(this.chrome.stage);
    this.watchRatio();
    if (this.getAttribute("mode")) this.update({ mode: this.getAttribute("mode") });
    if (this.getAttribute("src")) this.load();
  }

  disconnectedCallback() {
    this.stopListening();
    this.resizing.disconnect();
    this.ratioQuery?.removeEventListener("change", this.onRatio);
    this.#loading?.abort();
    this.#renderer?.close();
    cancelAnimationFrame(this.#frame);
    [this.#renderer, this.#scene, this.#frame] = [null, null, 0];
  }

  attributeChangedCallback(name, before, after) {
    if (!this.isConnected || before === after || after === null) return;
    if (name === "src") this.load();
    else if (name === "mode") this.update({ mode: after });
    else this.redraw();
  }

  /** Resolves when the first scene is drawn; rejects when it cannot be. */
  get ready() {
    return this.#first;
  }

  get state() {
    return this.#state;
  }

  /** What was loaded; null before. To be read, not to be written. */
  get scene() {
    return this.#scene;
  }

  /** "webgl2" or "canvas2d"; null before. */
  get renderer() {
    return this.#renderer?.name ?? null;
  }

  /** The modes that the scene has. */
  get modes() {
    return this.#scene ? modesOf(this.#scene) : [];
  }

  /** Whether layers can be shown alone, and how many there are. */
  get layers() {
    return Math.max(0, ...SIDES.map((name) => this.#side(name)).map((one) => (one?.hasLayers ? one.layers.length : 0)));
  }

  /** Fetch what `src` names, and draw it. */
  async load() {
    this.#loading?.abort();
    const loading = (this.#loading = new AbortController());
    this.chrome.say("Loading…", { isQuiet: true });
    try {
      const scene = await loadScene(this.getAttribute("src"), loading.signal);
      await this.#show(scene);
      if (loading.signal.aborted) return;
      this.#tell("viewer-ready", { modes: this.modes });
      this.#settle.resolve(this);
    } catch (error) {
      if (loading.signal.aborted) return;
      const text = error instanceof SceneError ? error.message : `This cannot be drawn: ${error.message}`;
      this.chrome.say(text, { isBroken: true });
      this.#tell("viewer-error", { message: text });
      this.#settle.reject(error);
    }
  }

  async #show(scene) {
    if (!this.#renderer) this.#renderer = this.#makeRenderer();
    await this.#renderer.load(scene);
    this.#scene = scene;
    this.chrome.present(scene, this.#names());
    this.#measure();
  }

  #makeRenderer() {
    const wanted = this.getAttribute("renderer");
    const made = wanted === "canvas2d" ? null : makeWebgl(this.chrome.canvas);
    if (!made) return makeCanvas2d(this.chrome.freshCanvas());
    const { canvas } = this.chrome;
    canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault(); // or it never comes back
      made.forget();
      this.chrome.say("The graphics were taken away; they come back by themselves.", { isQuiet: true });
    });
    canvas.addEventListener("webglcontextrestored", async () => {
      await this.#renderer?.load(this.#scene);
      this.chrome.present(this.#scene, this.#names());
      this.redraw();
    });
    return made;
  }

  /** Change some of the state; see `state.js`. Returns the state. */
  update(changes) {
    const before = this.#state;
    this.#state = updated(before, changes);
    if (this.#state !== before) this.redraw();
    return this.#state;
  }

  /** As `update`, by the hand of the user: pages hear of it. */
  change(changes) {
    const before = this.#state;
    if (this.update(changes) !== before) this.#tell("viewer-update", { state: this.#state });
  }

  /** See all of the image. */
  fit() {
    this.change({ center: null, zoom: null });
  }

  /** See a box of the image: [left, top, width, height]. */
  fitBox(box) {
    if (this.#scene) this.look(boxCamera(box, this.#scene, this.view));
  }

  /** Look through a camera of `camera.js`. */
  look(camera) {
    this.change(keptInside(camera, this.#scene));
  }

  /** Show the other side for as long as it is asked for. */
  blink(isOn) {
    if (this.#isBlinking === Boolean(isOn)) return;
    this.#isBlinking = Boolean(isOn);
    this.redraw();
  }

  get camera() {
    return cameraOf(this.#scene, this.#state, this.view);
  }

  /** The size of a pane in CSS pixels. */
  get view() {
    return this.panes[0];
  }

  get panes() {
    const { width, height } = this.#size;
    return this.#scene ? layOut(this.#scene, this.#state, width, height) : [{ x: 0, y: 0, width, height }];
  }

  /** The segment id at a pixel of a side: 0 is void, null is off the image or without a label. */
  idAt(side, x, y) {
    const number = numberAt(this.#side(side), x, y, this.#state.layer);
    return number === null ? null : told(this.#scene, number, ID);
  }

  /**
   * What is under a point of the window: {x, y, old, new, side}; null off the image.
   * `x` and `y` are of the frame of the scene, `side` is the one that is seen there.
   */
  pixelAt(clientX, clientY) {
    const bounds = this.chrome.canvas.getBoundingClientRect();
    const [left, top] = [clientX - bounds.left, clientY - bounds.top];
    const place = this.panes.findIndex(
      (pane) => left >= pane.x && top >= pane.y && left < pane.x + pane.width && top < pane.y + pane.height,
    );
    if (!this.#scene || place < 0) return null;
    const pane = this.#plan().panes[place];
    // As the renderers do: the image begins at a whole pixel of the screen.
    const under = ({ origin, zoom }) => [
      Math.floor(((left - pane.view.x) * this.#size.ratio - origin[0]) / zoom),
      Math.floor(((top - pane.view.y) * this.#size.ratio - origin[1]) / zoom),
    ];
    const [x, y] = under(pane.frame);
    if (x < 0 || y < 0 || x >= this.#scene.width || y >= this.#scene.height) return null;
    const found = { x, y, side: this.#sideAt(place, left - pane.view.x) };
    for (const name of SIDES) found[name] = pane.sides[name] ? this.idAt(name, ...under(pane.sides[name])) : null;
    return found;
  }

  #sideAt(place, left) {
    const mode = shownMode(this.#scene, this.#state);
    if (mode === "two-up") return SIDES[place];
    if (mode === "swipe") return left < this.#state.swipe * this.view.width ? "old" : "new";
    return this.#scene.sides[this.#state.side] ? this.#state.side : "new";
  }

  /** The box of a segment on a side, in pixels; null where there is none. */
  boxOf(segment) {
    const side = segment && this.#side(segment.side);
    const number = segment && this.#scene ? numberOf(this.#scene, segment) : 0;
    return number ? side.segments.box[number - side.base] : null;
  }

  /** The number of the change that a segment is in; null where it is in none. */
  changeOf(segment) {
    const number = segment && this.#scene ? numberOf(this.#scene, segment) : 0;
    return (number && told(this.#scene, number, CHANGE)) || null;
  }

  /** Tell the page, and the state, what is under the pointer. */
  hover(found) {
    const id = found?.[found.side];
    this.update({ hovered: id ? { side: found.side, id } : null });
    this.chrome.showTwin(found && this.#twinOf(found));
    this.#tell("viewer-hover", found ?? { x: null, y: null, old: null, new: null, side: null });
  }

  /** Where a pixel is seen on the other pane, in CSS pixels; null where there is one pane. */
  #twinOf({ x, y, side }) {
    const { panes, mode } = this.#plan();
    if (mode !== "two-up") return null;
    const { frame, view } = panes[side === "old" ? 1 : 0];
    const { ratio } = this.#size;
    const at = (pixel, axis) => (frame.origin[axis] + (pixel + 0.5) * frame.zoom) / ratio;
    const [left, top] = [at(x, 0), at(y, 1)];
    const isSeen = left >= 0 && top >= 0 && left < view.width && top < view.height;
    return isSeen ? [view.x + left, view.y + top] : null;
  }

  /** Choose what was clicked. */
  select(found) {
    const segment = found?.[found.side] ? { side: found.side, id: found[found.side] } : null;
    this.change({ selectedSegment: segment, selected: this.changeOf(segment) });
    this.#tell("viewer-select", {
      side: found?.side ?? null,
      id: segment?.id ?? null,
      x: found?.x ?? null,
      y: found?.y ?? null,
      change: this.#state.selected,
    });
  }

  /** Ask for a frame; several askers share one. */
  redraw() {
    if (this.#frame || !this.#scene) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  /** Draw now, and give the pixels of the canvas: an ImageData. */
  snapshot() {
    this.#draw(true);
    return this.#renderer.read();
  }

  #plan() {
    return planFrame(this.#scene, this.#state, this.#size, this.#size.ratio, this.#isBlinking);
  }

  #draw(isExact = false) {
    if (!this.#scene || !this.#size.width) return;
    const begin = performance.now();
    const plan = this.#plan();
    this.#renderer.draw(plan, { isExact, redraw: () => this.redraw() });
    this.chrome.follow(plan);
    this.drawMilliseconds = performance.now() - begin;
    this.frames += 1;
  }

  #measure() {
    // A processor paints no finer than it must.
    const ratio = this.renderer === "canvas2d" ? 1 : window.devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = this.chrome.stage;
    this.#size = { width, height, ratio };
    const { canvas } = this.chrome;
    const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== across || canvas.height !== down) [canvas.width, canvas.height] = [across, down];
    // At once: a canvas that was resized is blank until it is drawn.
    this.#draw();
  }

  watchRatio() {
    this.ratioQuery?.removeEventListener("change", this.onRatio);
    this.ratioQuery = matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`);
    this.onRatio = () => {
      this.#measure();
      this.watchRatio();
    };
    this.ratioQuery.addEventListener("change", this.onRatio);
  }

  #names() {
    const named = (name) => this.getAttribute(`${name}-name`) || [name, this.#side(name)?.version].filter(Boolean).join(" ");
    return { old: named("old"), new: named("new") };
  }

  #side(name) {
    return this.#scene?.sides[name] ?? null;
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }

  /** The image point under a point of the first pane. */
  toImage(point) {
    return toImage(this.camera, this.view, point);
  }
}

customElements.define("panoptic-viewer", PanopticViewer);
