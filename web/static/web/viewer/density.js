// How much of a neighbourhood changed: what glows in the heat map.

import { OWNER, WORDS } from "./scene.js";

/**
 * 255 where a pixel changed, 0 where not; one value per square of pixels where the image is
 * longer than `most`. All 0 where there are no two sides of one size.
 */
export function densityOf(scene, most) {
  const step = Math.ceil(Math.max(scene.width, scene.height) / most);
  const width = Math.ceil(scene.width / step);
  const height = Math.ceil(scene.height / step);
  const values = new Uint8Array(width * height);
  const [old, now] = [scene.sides.old, scene.sides.new].map((side) => side?.planes[0]);
  if (scene.resized || scene.isOneSided || (!old && !now)) return { width, height, values };
  const owners = new Uint32Array(scene.count);
  for (let number = 0; number < scene.count; number += 1) {
    owners[number] = scene.table[number * WORDS + OWNER];
  }
  for (let y = 0, at = 0; y < scene.height; y += 1) {
    const row = Math.floor(y / step) * width;
    for (let x = 0; x < scene.width; x += 1, at += 1) {
      const before = old ? owners[old[at]] : 0;
      const after = now ? owners[now[at]] : 0;
      if (before !== after) values[row + (step === 1 ? x : Math.floor(x / step))] = 255;
    }
  }
  return { width, height, values };
}

/** The density, and its halves down to one value: what textures call mipmaps. */
export class Pyramid {
  constructor({ width, height, values }) {
    this.levels = [{ width, height, values }];
    while (this.top.width > 1 || this.top.height > 1) this.levels.push(halved(this.top));
  }

  get top() {
    return this.levels.at(-1);
  }

  /** The mean, 0 to 1, around a place (0 to 1) in a square of so many image pixels. */
  at(x, y, pixels) {
    const place = Math.max(0, Math.min(this.levels.length - 1, Math.log2(Math.max(1, pixels))));
    const below = Math.floor(place);
    const above = Math.min(below + 1, this.levels.length - 1);
    const share = place - below;
    return (1 - share) * smooth(this.levels[below], x, y) + share * smooth(this.levels[above], x, y);
  }
}

function halved({ width, height, values }) {
  const half = { width: Math.max(1, width >> 1), height: Math.max(1, height >> 1) };
  half.values = new Uint8Array(half.width * half.height);
  for (let y = 0, at = 0; y < half.height; y += 1) {
    const [upper, lower] = [Math.min(2 * y, height - 1), Math.min(2 * y + 1, height - 1)];
    for (let x = 0; x < half.width; x += 1, at += 1) {
      const [left, right] = [Math.min(2 * x, width - 1), Math.min(2 * x + 1, width - 1)];
      const sum = values[upper * width + left] + values[upper * width + right]
        + values[lower * width + left] + values[lower * width + right];
      half.values[at] = (sum + 2) >> 2;
    }
  }
  return half;
}

function smooth({ width, height, values }, x, y) {
  const [px, py] = [x * width - 0.5, y * height - 0.5];
  const within = (value, most) => Math.min(most - 1, Math.max(0, value));
  const [left, right] = [within(Math.floor(px), width), within(Math.floor(px) + 1, width)];
  const [upper, lower] = [within(Math.floor(py), height), within(Math.floor(py) + 1, height)];
  const [across, down] = [px - Math.floor(px), py - Math.floor(py)];
  const row = (at) => values[at * width + left] * (1 - across) + values[at * width + right] * across;
  return (row(upper) * (1 - down) + row(lower) * down) / 255;
}
