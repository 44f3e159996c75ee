// The JSON of the server and its PNGs → what both renderers draw from.
//
// Segments of both sides are numbered together and densely: 0 is void, then those of the old
// side, then those of the new one. A plane holds such a number per pixel; the table says for each
// number all there is to know, so that drawing never looks a segment up by its id.

import { distinctColor, instanceShade, packColor, parseColor, stuffColor } from "./colors.js";
import { decodeIds, MalformedPicture } from "./decode.js";
import { fetchPhoto } from "./photo.js";

export const MOST_PIXELS = 2 ** 26; // of one side; beyond, a browser runs out of memory
const MOST_PLANE_PIXELS = 2 ** 27; // of all planes together: layers are left out beyond
const MOST_LAYERS = 64;

export const WORDS = 8; // uint32 of the table per segment
// Their places:
export const [FLAT, SHADE, INSTANCE, ID, KIND, GROUP, CHANGE, OWNER] = Array(WORDS).keys();
// KIND holds the index of the class, from bit 16 the kind of the change, from bit 24 the flags.
export const CROWD = 1 << 24;
const UNSHARED = 2 ** 24; // no id is as large

/** What went wrong while loading, in words for people. */
export class SceneError extends Error {}

/** Fetch all that a scene needs. */
export async function loadScene(source, signal) {
  const answer = await fetch(source, { signal, headers: { Accept: "application/json" } });
  if (!answer.ok) throw new SceneError(`What is to be drawn did not come (${answer.status}).`);
  const scene = makeScene(await answer.json());
  await Promise.all(Object.values(scene.sides).map((side) => side && fillSide(side, signal)));
  return scene;
}

/** Number the segments and make the table; the pixels come later. */
export function makeScene(json) {
  if (json.height * json.width > MOST_PIXELS) {
    throw new SceneError(
      `The image has ${json.width} × ${json.height} pixels; up to ` +
        `${(MOST_PIXELS / 1e6).toFixed(0)} million are drawn here. The API has its label.`,
    );
  }
  if (!json.height || !json.width) {
    throw new SceneError("There is nothing to draw: neither a photograph nor a label.");
  }
  const scene = {
    name: json.name,
    width: json.width,
    height: json.height,
    resized: json.resized,
    isOneSided: !json.compared,
    sides: { old: null, new: null },
    changes: json.changes,
    kinds: Object.entries(json.kinds).map(([name, kind]) => ({ name, ...kind })),
    pixels: json.pixels,
    classIds: classIdsOf(json),
  };
  let base = 1;
  for (const name of ["old", "new"]) {
    const given = json.sides[name];
    if (!given) continue;
    scene.sides[name] = makeSide(name, given, base);
    base += given.segments.id.length;
  }
  scene.count = base;
  scene.table = new Uint32Array(base * WORDS);
  tellClasses(scene);
  tellChanges(scene);
  tellInstances(scene, json.palette.map(parseColor));
  return scene;
}

function makeSide(name, given, base) {
  const numbers = new Map(given.segments.id.map((id, place) => [id, base + place]));
  return { ...given, name, base, numbers, planes: [], photoFile: null };
}

function classIdsOf(json) {
  const ids = Object.values(json.sides).flatMap((side) => (side ? Object.keys(side.classes) : []));
  return [...new Set(ids.map(Number))].sort((one, other) => one - other);
}

function tellClasses(scene) {
  const places = new Map(scene.classIds.map((id, place) => [id, place]));
  for (const side of Object.values(scene.sides)) {
    side?.segments.id.forEach((id, place) => {
      const at = (side.base + place) * WORDS;
      const classId = side.segments.class_id[place];
      scene.table[at + FLAT] = packColor(parseColor(side.classes[classId].color));
      scene.table[at + ID] = id;
      scene.table[at + KIND] = places.get(classId) | (side.segments.crowd[place] ? CROWD : 0);
      scene.table[at + GROUP] = UNSHARED + id;
      scene.table[at + OWNER] = id;
    });
  }
}

/**
 * Say which change each segment is in. A pixel changed where its OWNER differs: what was matched
 * shares one, unless the class is another; pieces, and what is new, share theirs with nothing.
 */
function tellChanges(scene) {
  const { table, sides } = scene;
  const kinds = new Map(scene.kinds.map((kind, place) => [kind.name, place + 1]));
  for (const change of scene.changes) {
    for (const name of ["old", "new"]) {
      change[name].forEach((id, place) => {
        const at = sides[name].numbers.get(id) * WORDS;
        table[at + KIND] |= kinds.get(change.kind) << 16;
        table[at + GROUP] = change.number;
        table[at + CHANGE] = change.number;
        if (name === "new") {
          const isPair = place === 0 && change.old.length > 0 && keepsClass(scene, change);
          table[at + OWNER] = isPair ? change.old[0] : UNSHARED + id;
        }
      });
    }
  }
}

const keepsClass = (scene, change) =>
  scene.sides.old.classes && classOf(scene.sides.old, change.old[0]) === classOf(scene.sides.new, change.new[0]);

const classOf = (side, id) => side.segments.class_id[side.numbers.get(id) - side.base];

/** Give things colours of their own; a matched pair has one, whatever its ids are. */
function tellInstances(scene, palette) {
  const partners = partnersOf(scene);
  const given = new Map();
  for (const side of [scene.sides.new, scene.sides.old]) {
    side?.segments.id.forEach((id, place) => {
      const number = side.base + place;
      const at = number * WORDS;
      const partner = partners.get(number);
      const shown = side.classes[side.segments.class_id[place]];
      const color = parseColor(shown.color);
      const isThing = shown.kind === "thing";
      const key = partner ?? number;
      if (isThing && !given.has(key)) given.set(key, given.size);
      const shadeId = partner === undefined ? id : scene.table[partner * WORDS + ID];
      scene.table[at + SHADE] = packColor(isThing ? instanceShade(color, shadeId) : color);
      const own = isThing ? distinctColor(palette, given.get(key)) : stuffColor();
      scene.table[at + INSTANCE] = packColor(own);
    });
  }
}

/** The number on the new side of each matched segment of the old one. */
function partnersOf({ sides, changes }) {
  const partners = new Map();
  if (!sides.old || !sides.new) return partners;
  const changed = new Set();
  for (const { old, new: after } of changes) {
    for (const id of old) changed.add(sides.old.numbers.get(id));
    if (old.length && after.length) {
      partners.set(sides.old.numbers.get(old[0]), sides.new.numbers.get(after[0]));
    }
  }
  for (const [id, number] of sides.old.numbers) {
    if (!changed.has(number) && sides.new.numbers.has(id)) {
      partners.set(number, sides.new.numbers.get(id));
    }
  }
  return partners;
}

async function fillSide(side, signal) {
  const addresses = side.panoptic ? [side.panoptic, ...side.layers] : [];
  const fits = addresses.length * side.width * side.height <= MOST_PLANE_PIXELS;
  side.hasLayers = fits && side.layers.length > 0 && side.layers.length <= MOST_LAYERS;
  const wanted = side.hasLayers ? addresses : addresses.slice(0, 1);
  const photo = fetchPhoto(side, signal);
  side.planes = await Promise.all(wanted.map((address) => fetchPlane(side, address, signal)));
  side.photoFile = await photo;
}

async function fetchPlane(side, address, signal) {
  const answer = await fetch(address, { signal });
  if (!answer.ok) throw new SceneError(`The ids of the ${side.name} side did not come (${answer.status}).`);
  const most = side.base + side.segments.id.length;
  const plane = new (most > 0xffff ? Uint32Array : Uint16Array)(side.width * side.height);
  try {
    await decodeIds(new Uint8Array(await answer.arrayBuffer()), side, side.numbers, plane);
  } catch (error) {
    if (!(error instanceof MalformedPicture)) throw error;
    throw new SceneError(`The ids of the ${side.name} side cannot be read: ${error.message}.`);
  }
  return plane;
}

/** The dense number at a pixel of a side; 0 is void, null is off the image or without label. */
export function numberAt(side, x, y, layer = null) {
  if (!side || x < 0 || y < 0 || x >= side.width || y >= side.height) return null;
  const plane = side.planes[layer === null || !side.hasLayers ? 0 : layer + 1];
  return plane ? plane[y * side.width + x] : null;
}

/** The dense number of a segment; 0 where there is none. */
export const numberOf = (scene, segment) =>
  (segment && scene.sides[segment.side]?.numbers.get(segment.id)) || 0;

/** What is held about a dense number. */
export const told = (scene, number, word) => scene.table[number * WORDS + word];
