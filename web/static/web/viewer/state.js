// What is shown: a plain value, of which every update makes a new one.

export const MODES = ["two-up", "swipe", "onion", "difference", "heat", "outlines", "single"];
export const COLORS = ["class", "panoptic", "instance", "change", "id"];

/** @returns the state that a viewer begins with */
export function firstState(mode = "two-up") {
  return Object.freeze({
    mode: MODES.includes(mode) ? mode : "two-up",
    center: null, // [x, y] in image pixels; null = the middle
    zoom: null, // CSS pixels per image pixel; null = all of the image fits
    swipe: 0.5, // 0 = new alone, 1 = old alone
    onion: 0.5, // 0 = old alone, 1 = new alone
    opacity: 0.5, // of the colours over the photograph
    brightness: 1, // of the photograph, 0 to 2
    colorBy: "class",
    outlines: true,
    patterns: true, // of the kinds of changes
    onlyChanges: false,
    hidden: new Set(), // ids of classes
    layer: null, // null = the topmost segments; k = layer k alone
    side: "new",
    hovered: null, // {side, id}
    selected: null, // number of a change
    selectedSegment: null, // {side, id}
  });
}

const between = (least, most) => (value) => {
  const number = Number(value);
  return Number.isFinite(number) ? Math.min(most, Math.max(least, number)) : undefined;
};
const oneOf = (words) => (value) => (words.includes(value) ? value : undefined);
const orNull = (read) => (value) => (value === null ? null : read(value));
const segment = (value) =>
  ["old", "new"].includes(value.side) && Number.isInteger(value.id) && value.id > 0
    ? Object.freeze({ side: value.side, id: value.id })
    : undefined;
const whole = (value) => (Number.isInteger(value) && value >= 0 ? value : undefined);
const point = (value) =>
  value.length === 2 && value.every(Number.isFinite) ? Object.freeze([...value]) : undefined;

const READERS = {
  mode: oneOf(MODES),
  center: orNull(point),
  zoom: orNull((value) => (value > 0 ? between(1e-6, 1e6)(value) : undefined)),
  swipe: between(0, 1),
  onion: between(0, 1),
  opacity: between(0, 1),
  brightness: between(0, 2),
  colorBy: oneOf(COLORS),
  outlines: Boolean,
  patterns: Boolean,
  onlyChanges: Boolean,
  hidden: (value) => new Set([...value].map(Number).filter(Number.isInteger)),
  layer: orNull(whole),
  side: oneOf(["old", "new"]),
  hovered: orNull(segment),
  selected: orNull(whole),
  selectedSegment: orNull(segment),
};

/**
 * The state with some of it changed. What cannot be read (an unknown mode, a word where a number
 * must be) leaves its part as it was: a URL that somebody mistyped must not break the page.
 * Returns the same object where nothing changed.
 */
export function updated(state, changes) {
  const next = { ...state };
  for (const [name, value] of Object.entries(changes)) {
    if (!(name in READERS) || value === undefined) continue;
    const read = READERS[name](value);
    if (read !== undefined) next[name] = read;
  }
  return isSame(state, next) ? state : Object.freeze(next);
}

/** Whether two states show the same. */
export function isSame(one, other) {
  return Object.keys(READERS).every((name) => isEqual(one[name], other[name]));
}

function isEqual(one, other) {
  if (Object.is(one, other)) return true;
  if (one instanceof Set && other instanceof Set) {
    return one.size === other.size && [...one].every((member) => other.has(member));
  }
  if (!one || !other || typeof one !== "object" || typeof other !== "object") return false;
  const keys = Object.keys(one);
  return (
    keys.length === Object.keys(other).length && keys.every((key) => isEqual(one[key], other[key]))
  );
}

/**
 * The modes that a scene has: labels of two sizes can only stand beside each other, and one side
 * alone can only be shown.
 */
export function modesOf(scene) {
  if (scene.isOneSided) return ["single"];
  if (scene.resized) return ["two-up", "single"];
  return MODES;
}
