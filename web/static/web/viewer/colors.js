// Colours of classes and instances, as `panoptic/colors.py` makes them: with integers, so that
// they are the same in pictures of the server and here. Packed they are R + 256 G + 65536 B.

const GOLDEN = 40503;
const PLASTIC = 49471;
const WHITE = [255, 255, 255];
const BLACK = [0, 0, 0];
const STUFF = [44, 49, 58]; // of all stuff where instances have the colours

/** [r, g, b] of "#rrggbb". */
export const parseColor = (text) => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));

export const packColor = ([red, green, blue]) => red | (green << 8) | (blue << 16);

const mixed = (color, other, share) =>
  color.map((mine, at) => (mine * (256 - share) + other[at] * share + 128) >> 8);

/** A shade of a class's colour for one instance; number 0 is the colour itself. */
export function instanceShade(color, number) {
  if (number === 0) return color;
  const low = (factor) => ((number * factor) % 0x10000) - 0x8000; // exact: below 2^53
  const light = Math.floor((low(GOLDEN) * 95) / 0x8000);
  const warm = Math.floor((low(PLASTIC) * 28) / 0x8000);
  const [red, green, blue] = mixed(color, light > 0 ? WHITE : BLACK, Math.abs(light));
  const clip = (channel) => Math.max(0, Math.min(255, channel));
  return [clip(red + warm), green, clip(blue - warm)];
}

/** The colour of the n-th thing of an image, from 0: they differ as much as they can. */
export function distinctColor(palette, place) {
  return instanceShade(palette[place % palette.length], Math.floor(place / palette.length));
}

export const stuffColor = () => STUFF;
