// State + scene + size of the canvas → what to draw where, in numbers. Both renderers take it.

import { fitCamera, originOf } from "./camera.js";
import { numberOf, told, GROUP } from "./scene.js";
import { modesOf } from "./state.js";

const GAP = 2; // CSS pixels between two panes

/** The mode that is drawn: a scene may not have the one that is asked for. */
export function shownMode(scene, state) {
  const modes = modesOf(scene);
  return modes.includes(state.mode) ? state.mode : modes[0];
}

/** Where panes lie, in CSS pixels: beside each other, or below where that shows more. */
export function layOut(scene, state, width, height) {
  if (shownMode(scene, state) !== "two-up") return [{ x: 0, y: 0, width, height }];
  const beside = { width: Math.max(1, Math.floor((width - GAP) / 2)), height };
  const below = { width, height: Math.max(1, Math.floor((height - GAP) / 2)) };
  const fits = (view) => fitCamera(scene, view).zoom;
  return fits(beside) >= fits(below)
    ? [{ x: 0, y: 0, ...beside }, { x: width - beside.width, y: 0, ...beside }]
    : [{ x: 0, y: 0, ...below }, { x: 0, y: height - below.height, ...below }];
}

/** The camera of a state in panes of this size. */
export function cameraOf(scene, state, view) {
  const fit = fitCamera(scene, view);
  return state.zoom === null ? fit : { zoom: state.zoom, center: state.center ?? fit.center };
}

/** What each pane shows: [{what, side}] in the order of the panes; blinking swaps the sides. */
function shownIn(scene, state, isBlinking) {
  const mode = shownMode(scene, state);
  const other = { old: "new", new: "old" };
  if (mode === "two-up") {
    const sides = isBlinking ? ["new", "old"] : ["old", "new"];
    return sides.map((side) => ({ what: "label", side }));
  }
  if (isBlinking && scene.sides[other[state.side]]) {
    return [{ what: "label", side: other[state.side] }];
  }
  const side = scene.sides[state.side] ? state.side : other[state.side];
  return [{ what: mode === "single" ? "label" : mode, side }];
}

/**
 * Where a side lies in a pane, in device pixels. Sides of two sizes lie in the frame of the scene,
 * as large as fits and in its middle, so that one camera serves both.
 */
function placeSide(scene, side, camera, view, ratio) {
  const scale = Math.min(scene.width / side.width, scene.height / side.height);
  const left = (scene.width - side.width * scale) / 2;
  const top = (scene.height - side.height * scale) / 2;
  const own = {
    zoom: camera.zoom * scale,
    center: [(camera.center[0] - left) / scale, (camera.center[1] - top) / scale],
  };
  return { origin: originOf(own, view, ratio), zoom: own.zoom * ratio };
}

/**
 * Everything that a frame needs.
 *
 * @returns {{panes: object[], state: object, mode: string, groups: object}} places in device
 *   pixels; `groups` are the groups of segments that are lit, 0 = none
 */
export function planFrame(scene, state, canvas, ratio, isBlinking) {
  const { width, height } = canvas; // CSS pixels
  const shown = shownIn(scene, state, isBlinking);
  const panes = layOut(scene, state, width, height).map((view, place) => {
    const camera = cameraOf(scene, state, view);
    const x = Math.round(view.x * ratio);
    const y = Math.round(view.y * ratio);
    const sides = {};
    for (const [name, side] of Object.entries(scene.sides)) {
      if (side) sides[name] = placeSide(scene, side, camera, view, ratio);
    }
    return {
      ...shown[place],
      x,
      y,
      width: Math.round((view.x + view.width) * ratio) - x,
      height: Math.round((view.y + view.height) * ratio) - y,
      view,
      camera,
      frame: { origin: originOf(camera, view, ratio), zoom: camera.zoom * ratio },
      sides,
    };
  });
  const hovered = numberOf(scene, state.hovered);
  const chosen = numberOf(scene, state.selectedSegment);
  return {
    panes,
    state,
    ratio,
    mode: shownMode(scene, state),
    lit: {
      hovered: hovered && told(scene, hovered, GROUP),
      hoveredNumber: hovered,
      selected: state.selected ?? (chosen && told(scene, chosen, GROUP)),
    },
    hiddenClasses: hiddenBits(scene, state.hidden),
  };
}

/** The classes that are hidden, a bit for each place in `scene.classIds`. */
function hiddenBits(scene, hidden) {
  const bits = new Uint32Array(128);
  for (const classId of hidden) {
    const place = scene.classIds.indexOf(classId);
    if (place >= 0 && place < 4096) bits[place >> 5] |= 1 << (place & 31);
  }
  return bits;
}
