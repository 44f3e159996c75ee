// Draws frames without WebGL: the same scene, the same state, the same pixels, by the processor.
// While the image moves, frames are coarse; when it rests, the fine one follows.

import { densityOf, Pyramid } from "./density.js";
import { Painter } from "./paint.js";
import { decodePhoto } from "./photo.js";

const MOST_SIDE = 8192; // of a photograph that is kept
const MOVING_MILLISECONDS = 200; // frames that are closer than this belong to one movement
const FRAME_MILLISECONDS = 40; // what a frame of a movement may take
const COARSEST = 4;
const CRISP_ZOOM = 3;

export function makeCanvas2d(canvas) {
  return new Canvas2d(canvas);
}

class Canvas2d {
  constructor(canvas) {
    this.name = "canvas2d";
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    this.photos = {};
    this.perPixel = 0.0003; // milliseconds; measured with every frame
    this.last = -Infinity;
  }

  async load(scene) {
    this.closePhotos();
    this.scene = scene;
    this.painter = new Painter(scene, new Pyramid(densityOf(scene, MOST_SIDE)));
    for (const [name, side] of Object.entries(scene.sides)) {
      this.photos[name] = await decodePhoto(side, MOST_SIDE);
    }
  }

  /** Draw a frame of `plan.js`; `redraw` is called later, if this one was coarse. */
  draw(plan, { isExact = false, redraw = null } = {}) {
    const begin = performance.now();
    const pixels = this.canvas.width * this.canvas.height;
    const isMoving = !isExact && redraw !== null && begin - this.last < MOVING_MILLISECONDS;
    let step = 1;
    while (isMoving && step < COARSEST && (pixels * this.perPixel) / step ** 2 > FRAME_MILLISECONDS) step *= 2;
    this.context.fillStyle = "#333840";
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    for (const pane of plan.panes) this.drawPane(plan, pane, step);
    const end = performance.now();
    this.perPixel = ((end - begin) / pixels) * step ** 2;
    this.last = end;
    clearTimeout(this.refining);
    if (step > 1) this.refining = setTimeout(redraw, MOVING_MILLISECONDS);
  }

  drawPane(plan, pane, step) {
    const { width, height } = pane;
    const photos = Object.fromEntries(Object.keys(pane.sides).map((name) => [name, this.photoOf(name, pane)]));
    this.painter.begin(plan, pane, photos);
    const image = new ImageData(width, height);
    const words = new Uint32Array(image.data.buffer);
    const bytes = new Uint8ClampedArray(4);
    const [color, word] = [[0, 0, 0], new Uint32Array(bytes.buffer)];
    bytes[3] = 255;
    for (let y = 0; y < height; y += step) {
      for (let x = 0; x < width; x += step) {
        this.painter.paint(color, x + 0.5, y + 0.5);
        for (let k = 0; k < 3; k += 1) bytes[k] = color[k] * 255;
        if (step === 1) words[y * width + x] = word[0];
        else fillSquare(words, width, height, x, y, step, word[0]);
      }
    }
    this.context.putImageData(image, pane.x, pane.y);
  }

  /** The photograph of a side as a pane shows it, or null: RGBA per device pixel. */
  photoOf(name, pane) {
    const photo = this.photos[name];
    if (!photo) return null;
    const { origin, zoom } = pane.sides[name];
    const side = this.scene.sides[name];
    this.scratch ??= new OffscreenCanvas(1, 1);
    Object.assign(this.scratch, { width: pane.width, height: pane.height });
    const context = this.scratch.getContext("2d", { willReadFrequently: true });
    context.imageSmoothingEnabled = zoom < CRISP_ZOOM;
    context.imageSmoothingQuality = "high";
    context.drawImage(photo, origin[0], origin[1], side.width * zoom, side.height * zoom);
    return context.getImageData(0, 0, pane.width, pane.height).data;
  }

  /** The pixels of the canvas: RGBA, rows from above. */
  read() {
    return this.context.getImageData(0, 0, this.canvas.width, this.canvas.height);
  }

  closePhotos() {
    for (const photo of Object.values(this.photos)) photo?.close();
    this.photos = {};
  }

  close() {
    clearTimeout(this.refining);
    this.closePhotos();
  }
}

function fillSquare(words, width, height, left, top, step, word) {
  for (let y = top; y < Math.min(height, top + step); y += 1) {
    words.fill(word, y * width + left, y * width + Math.min(width, left + step));
  }
}
