// What `shaders.js` says, in JavaScript: the colour of one pixel of a pane. A test compares both.
//
// Colours are three numbers from 0 to 1, written into an array that the caller brings: a frame
// asks for a million of them.

import { parseColor } from "./colors.js";
import { CHANGE, FLAT, GROUP, ID, INSTANCE, KIND, OWNER, SHADE, WORDS } from "./scene.js";

const GROUND = [0.082, 0.094, 0.11];
const DARK = [0.05, 0.06, 0.07];
const CHOSEN = [1, 0.83, 0.2];
const LEFT_OUT = [0.835, 0.369, 0];
const PUT_IN = [0.26, 0.87, 0.7];
const WHITE = [1, 1, 1];
const QUIET = [0.45, 0.48, 0.52];
const WORD_OF = { class: FLAT, panoptic: SHADE, instance: INSTANCE };

const clamp = (value) => Math.min(1, Math.max(0, value));

function mixInto(color, other, share) {
  for (let k = 0; k < 3; k += 1) color[k] += (other[k] - color[k]) * share;
}

function greyInto(color, factor) {
  const grey = (0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]) * factor;
  color.fill(grey);
}

function unpackInto(color, packed) {
  color[0] = (packed & 255) / 255;
  color[1] = ((packed >> 8) & 255) / 255;
  color[2] = ((packed >> 16) & 255) / 255;
}

/** Whether a pattern has ink at a place. */
export function hasInk(pattern, x, y) {
  const [rising, falling] = [((x + y) & 7) < 2, ((x - y) & 7) < 2];
  const [left, top] = [x & 7, y & 7];
  if (pattern === "dots") return (left - 3) ** 2 + (top - 3) ** 2 <= 3;
  if (pattern === "hatch") return rising;
  if (pattern === "back") return falling;
  if (pattern === "cross") return rising || falling;
  if (pattern === "grid") return left < 2 || top < 2;
  return false;
}

export class Painter {
  constructor(scene, pyramid) {
    this.scene = scene;
    this.table = scene.table;
    this.pyramid = pyramid;
    const readable = (kinds) =>
      [null, ...kinds].map((kind) => kind && { ...kind, rgb: parseColor(kind.color).map((one) => one / 255) });
    this.kinds = readable(scene.kinds);
    this.pixels = readable(scene.pixels);
    this.lines = { segment: 0, hovered: 0, selected: 0 };
    this.own = [0, 0, 0];
    this.second = [0, 0, 0];
  }

  /** Make ready for a pane; `photos` give the photograph of each side as the pane shows it. */
  begin(plan, pane, photos) {
    Object.assign(this, { plan, pane, photos, state: plan.state, ratio: plan.ratio });
    this.side = this.scene.sides[pane.side] ?? Object.values(this.scene.sides).find(Boolean);
  }

  /** Write the colour that is seen at a point of the pane, in device pixels. */
  paint(color, sx, sy) {
    const { pane, state } = this;
    if (pane.what === "label") this.label(color, pane.side, sx, sy);
    else if (pane.what === "swipe") this.label(color, sx < state.swipe * pane.width ? "old" : "new", sx, sy);
    else if (pane.what === "onion") {
      this.label(color, "old", sx, sy);
      this.label(this.second, "new", sx, sy);
      mixInto(color, this.second, state.onion);
    } else this.change(color, sx, sy);
  }

  at(name, sx, sy) {
    const placed = this.pane.sides[name] ?? this.pane.frame;
    return [(sx - placed.origin[0]) / placed.zoom, (sy - placed.origin[1]) / placed.zoom];
  }

  place(s, axis) {
    const placed = this.pane.sides[this.pane.side] ?? this.pane.frame;
    return Math.floor((s - placed.origin[axis]) / this.ratio);
  }

  number(side, x, y, layer = this.state.layer) {
    if (!side?.planes.length || x < 0 || y < 0 || x >= side.width || y >= side.height) return 0;
    const slice = layer !== null && side.hasLayers && layer + 1 < side.planes.length ? layer + 1 : 0;
    return side.planes[slice][y * side.width + x];
  }

  word(number, word) {
    return this.table[number * WORDS + word];
  }

  photo(color, name, sx, sy) {
    const photo = this.photos[name];
    if (!photo) {
      [color[0], color[1], color[2]] = [0.18, 0.2, 0.227];
      return;
    }
    const at = (Math.floor(sy) * this.pane.width + Math.floor(sx)) * 4;
    for (let k = 0; k < 3; k += 1) color[k] = Math.min(1, (photo[at + k] / 255) * this.state.brightness);
  }

  isHidden(number) {
    const place = this.word(number, KIND) & 0xffff;
    return place < 4096 && ((this.plan.hiddenClasses[place >> 5] >>> (place & 31)) & 1) === 1;
  }

  ink(color, kind, sx, sy) {
    const factor = this.state.patterns && hasInk(kind.pattern, this.place(sx, 0), this.place(sy, 1)) ? 0.45 : 1;
    for (let k = 0; k < 3; k += 1) color[k] = kind.rgb[k] * factor;
  }

  label(color, name, sx, sy) {
    const { state, own } = this;
    const side = this.scene.sides[name];
    const [x, y] = this.at(name, sx, sy);
    if (!side || x < 0 || y < 0 || x >= side.width || y >= side.height) {
      [color[0], color[1], color[2]] = GROUND;
      return;
    }
    const number = this.number(side, Math.floor(x), Math.floor(y));
    if (state.colorBy === "id") {
      unpackInto(color, this.word(number, ID));
      return;
    }
    this.photo(color, name, sx, sy);
    const isChanged = this.word(number, CHANGE) !== 0;
    const isOff = number === 0 || this.isHidden(number) || (state.onlyChanges && !isChanged);
    if (state.onlyChanges && !isChanged) greyInto(color, 0.4);
    own.fill(0);
    if (!isOff) mixInto(color, own, this.fill(number, sx, sy));
    this.measure(name, x, y, number, state.outlines && !isOff);
    if (this.lines.segment > 0) {
      mixInto(own, WHITE, 0.5);
      mixInto(color, own, this.lines.segment);
    }
    this.light(color, number);
  }

  /** Write the colour of a segment into `own`, and return its share over the photograph. */
  fill(number, sx, sy) {
    const { state, own } = this;
    const held = this.word(number, KIND);
    const kind = (held >> 16) & 15;
    if (state.colorBy !== "change") unpackInto(own, this.word(number, WORD_OF[state.colorBy]));
    else if (kind) this.ink(own, this.kinds[kind], sx, sy);
    else [own[0], own[1], own[2]] = QUIET;
    const isGrain = ((this.place(sx, 0) ^ this.place(sy, 1)) & 3) === 0;
    if ((held >> 24) & 1 && isGrain) mixInto(own, WHITE, 0.35);
    const share = state.colorBy === "change" && !kind ? state.opacity * 0.4 : state.opacity;
    return number === this.plan.lit.hoveredNumber ? Math.min(1, share + 0.2) : share;
  }

  change(color, sx, sy) {
    const { pane, state } = this;
    const [x, y] = this.at(pane.side, sx, sy);
    const side = this.scene.sides[pane.side];
    if (!side || x < 0 || y < 0 || x >= side.width || y >= side.height) {
      [color[0], color[1], color[2]] = GROUND;
      return;
    }
    this.photo(color, pane.side, sx, sy);
    const kind = this.pixelKind(Math.floor(x), Math.floor(y));
    if (pane.what === "difference") {
      greyInto(color, 0.6);
      if (kind) {
        this.ink(this.own, this.pixels[kind], sx, sy);
        mixInto(color, this.own, state.opacity * 0.5 + 0.5);
      }
    } else if (pane.what === "heat") this.heat(color, x, y, kind);
    else this.outlines(color, x, y, sx, sy);
    const number = this.number(side, Math.floor(x), Math.floor(y));
    this.measure(pane.side, x, y, number, false);
    this.light(color, number);
  }

  /** 1 void before, 2 void now, 3 another class, 4 another segment; 0 nothing. */
  pixelKind(x, y) {
    const { sides } = this.scene;
    const [before, after] = [this.number(sides.old, x, y, null), this.number(sides.new, x, y, null)];
    if (this.word(before, OWNER) === this.word(after, OWNER)) return 0;
    if (before === 0) return 1;
    if (after === 0) return 2;
    return ((this.word(before, KIND) ^ this.word(after, KIND)) & 0xffff) !== 0 ? 3 : 4;
  }

  heat(color, x, y, kind) {
    const { pyramid, ratio } = this;
    const { zoom } = this.pane.sides[this.pane.side];
    greyInto(color, 0.4);
    const glow = (pixels) => pyramid.at(x / this.scene.width, y / this.scene.height, pixels / zoom);
    let heat = Math.min(0.6, Math.max(glow(6 * ratio) * 1.4, glow(14 * ratio), 0.5 * glow(30 * ratio)));
    if (kind) heat = 1;
    else if (zoom < 1) heat = Math.max(heat, Math.min(1, 3 * glow(1)));
    const [low, high] = [clamp(heat * 2), clamp(heat * 2 - 1)];
    this.own[0] = 0.35 + 0.6 * low + (1 - 0.35 - 0.6 * low) * high;
    this.own[1] = 0.02 + 0.23 * low + (0.85 - 0.02 - 0.23 * low) * high;
    this.own[2] = 0.1 - 0.05 * low + (0.3 - 0.1 + 0.05 * low) * high;
    mixInto(color, this.own, low);
  }

  outlines(color, x, y, sx, sy) {
    const { state } = this;
    const thin = ["old", "new"].map((name) => {
      const side = this.scene.sides[name];
      const number = this.number(side, Math.floor(x), Math.floor(y));
      if (number === 0 || this.isHidden(number) || (state.onlyChanges && !this.word(number, CHANGE))) return 0;
      this.measure(name, x, y, number, true);
      return this.lines.segment;
    });
    const both = Math.min(...thin);
    const isGap = state.patterns && ((this.place(sx, 0) + this.place(sy, 1)) & 7) > 4;
    mixInto(color, WHITE, both);
    mixInto(color, LEFT_OUT, isGap ? 0 : thin[0] - both);
    mixInto(color, PUT_IN, thin[1] - both);
  }

  /** How much of each kind of line lies at an image point; into `lines`. */
  measure(name, x, y, number, wantsSegments) {
    const { lines, ratio } = this;
    const { hovered, selected } = this.plan.lit;
    lines.segment = lines.hovered = lines.selected = 0;
    if (!wantsSegments && !hovered && !selected) return;
    const side = this.scene.sides[name];
    const { zoom } = this.pane.sides[name];
    const group = this.word(number, GROUP);
    const [thin, thick] = [0.75 * ratio, 2 * ratio];
    const [fx, fy] = [x - Math.floor(x), y - Math.floor(y)];
    for (let dy = -1; dy <= 1; dy += 1) {
      for (let dx = -1; dx <= 1; dx += 1) {
        if (!dx && !dy) continue;
        const near = Math.hypot(dx > 0 ? 1 - fx : dx < 0 ? fx : 0, dy > 0 ? 1 - fy : dy < 0 ? fy : 0) * zoom;
        if (wantsSegments) {
          const line = lineOf(thin, zoom, near);
          if (line > lines.segment && this.beside(side, x, y, dx, dy, thin, zoom) !== number) lines.segment = line;
        }
        const line = lineOf(thick, zoom, near);
        if (line === 0 || (!hovered && !selected)) continue;
        const there = this.word(this.beside(side, x, y, dx, dy, thick, zoom), GROUP);
        if (hovered && (there === hovered) !== (group === hovered)) lines.hovered = Math.max(lines.hovered, line);
        if (selected && (there === selected) !== (group === selected)) lines.selected = Math.max(lines.selected, line);
      }
    }
  }

  beside(side, x, y, dx, dy, width, zoom) {
    const step = zoom < width ? width / zoom : 0;
    return step
      ? this.number(side, Math.floor(x + dx * step), Math.floor(y + dy * step))
      : this.number(side, Math.floor(x) + dx, Math.floor(y) + dy);
  }

  light(color, number) {
    const { lines } = this;
    const group = this.word(number, GROUP);
    if (lines.hovered > 0) mixInto(color, group === this.plan.lit.hovered ? WHITE : DARK, lines.hovered);
    if (lines.selected > 0) mixInto(color, group === this.plan.lit.selected ? CHOSEN : DARK, lines.selected);
  }
}

/** How much of a line, so wide on either side, lies where the neighbour is so near. */
function lineOf(width, zoom, near) {
  return zoom < width ? 1 : clamp(width + 0.5 - near);
}
