// The program of the viewer: a pane is one triangle, all that is seen happens per pixel.
// `paint.js` says the same in JavaScript; a test compares the two.
//
// The program is compiled for what a pane shows: a processor that plays the graphics card runs
// all branches of a program, also those that no pixel takes.

export const VERTEX = `#version 300 es
void main() {
  // One triangle that covers the pane.
  gl_Position = vec4(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0, 0.0, 1.0);
}`;

export const WHATS = { label: 0, swipe: 1, onion: 2, difference: 3, heat: 4, outlines: 5 };
export const COLOR_WORDS = { class: 0, panoptic: 1, instance: 2, id: 3, change: 4 };
export const PATTERNS = { none: 0, dots: 1, hatch: 2, back: 3, cross: 4, grid: 5 };
export const TABLE_WIDTH = 2048;

/**
 * The text of the program for one kind of pane.
 *
 * @param {{what: string, isExact: boolean, hasLines: boolean, hasLit: boolean}} kind `isExact`:
 *   ids as colours; `hasLines`: around segments; `hasLit`: around those that are lit
 */
export const fragment = ({ what, isExact, hasLines, hasLit }) => `#version 300 es
#define WHAT ${WHATS[what]}
#define EXACT ${Number(isExact)}
#define LINES ${Number(hasLines)}
#define LIT ${Number(hasLit)}
// A label is drawn from one side, which then is side 0, whichever it is.
#define ONE_SIDE ${Number(what === "label")}
${BODY}`;

const BODY = `
precision highp float;
precision highp int;
precision highp usampler2D;
precision highp usampler2DArray;
precision highp sampler2D;

uniform usampler2DArray oldIds; // slice 0: the topmost segments; k + 1: layer k
uniform sampler2D oldPhoto;
#if !ONE_SIDE
uniform usampler2DArray newIds;
uniform sampler2D newPhoto;
#endif
uniform usampler2D table;
uniform sampler2D density;
uniform ivec2 sizes[2];      // of the sides, in pixels; 0 where there is none
uniform int folds[2];        // > 0: rows of the texture are so long, whatever those of the image
uniform bvec2 hasPhoto, hasIds;
uniform ivec2 slices;        // of oldIds and newIds
uniform vec2 origins[2];     // of the image in the pane, device pixels from its upper left
uniform float zooms[2];      // device pixels per image pixel
uniform vec2 corner;         // upper left of the pane in the canvas, device pixels
uniform float canvasHeight, paneWidth, ratio;
uniform int side, colorBy, samples;
uniform float split, onion, opacity, brightness;
uniform bool patterns, onlyChanges;
uniform uint hoveredGroup, hoveredNumber, selectedGroup;
uniform uvec4 hiddenClasses[32];
uniform vec3 kindColors[9], pixelColors[5];
uniform int kindPatterns[9], pixelPatterns[5];
out vec4 result;

const vec3 GROUND = vec3(0.082, 0.094, 0.11);  // beside the image
const vec3 EMPTY = vec3(0.18, 0.2, 0.227);     // of the image, where there is no photograph
const vec3 DARK = vec3(0.05, 0.06, 0.07);
const vec3 CHOSEN = vec3(1.0, 0.83, 0.2);
const vec3 LEFT_OUT = vec3(0.835, 0.369, 0.0); // outlines that are only on the old side
const vec3 PUT_IN = vec3(0.26, 0.87, 0.7);     // and only on the new one

struct Told { uvec4 colors; uvec4 facts; };    // the words of scene.js, in their order

Told told(uint number) {
  int at = int(number) * 2;
  ivec2 place = ivec2(at % ${TABLE_WIDTH}, at / ${TABLE_WIDTH});
  return Told(texelFetch(table, place, 0), texelFetch(table, place + ivec2(1, 0), 0));
}

uint groupOf(uint number) {
  int at = int(number) * 2 + 1;
  return texelFetch(table, ivec2(at % ${TABLE_WIDTH}, at / ${TABLE_WIDTH}), 0).y;
}

uint numberIn(int which, ivec2 pixel, int slice) {
  ivec2 size = sizes[which];
  if (!(which == 0 ? hasIds.x : hasIds.y)) return 0u;
  if (any(lessThan(pixel, ivec2(0))) || any(greaterThanEqual(pixel, size))) return 0u;
  ivec2 place = pixel;
  if (folds[which] > 0) {
    int index = pixel.y * size.x + pixel.x;
    place = ivec2(index % folds[which], index / folds[which]);
  }
#if ONE_SIDE
  return texelFetch(oldIds, ivec3(place, slice), 0).r;
#else
  return which == 0 ? texelFetch(oldIds, ivec3(place, slice), 0).r
                    : texelFetch(newIds, ivec3(place, slice), 0).r;
#endif
}

uint numberAt(int which, ivec2 pixel) { return numberIn(which, pixel, slices[which]); }

bool isInside(int which, vec2 at) {
  return all(greaterThanEqual(at, vec2(0.0))) && all(lessThan(at, vec2(sizes[which])));
}

vec3 unpacked(uint color) {
  return vec3(color & 255u, color >> 8 & 255u, color >> 16 & 255u) / 255.0;
}

vec3 photoAt(int which, vec2 at) {
  if (!(which == 0 ? hasPhoto.x : hasPhoto.y)) return EMPTY;
  vec2 place = at / vec2(sizes[which]);
#if ONE_SIDE
  float across = float(textureSize(oldPhoto, 0).x);
#else
  float across = float(which == 0 ? textureSize(oldPhoto, 0).x : textureSize(newPhoto, 0).x);
#endif
  float level = max(0.0, log2(across / (float(sizes[which].x) * zooms[which])));
#if ONE_SIDE
  vec3 color = textureLod(oldPhoto, place, level).rgb;
#else
  vec3 color = which == 0 ? textureLod(oldPhoto, place, level).rgb : textureLod(newPhoto, place, level).rgb;
#endif
  return min(color * brightness, 1.0);
}

vec3 greyOf(vec3 color) { return vec3(dot(color, vec3(0.299, 0.587, 0.114))); }

bool isHidden(uint classPlace) {
  return classPlace < 4096u
    && (hiddenClasses[classPlace >> 7][classPlace >> 5 & 3u] >> (classPlace & 31u) & 1u) == 1u;
}

// Whether a pattern has ink at a place, in CSS pixels from the corner of the image.
bool hasInk(int pattern, ivec2 place) {
  ivec2 cell = place & 7;
  if (pattern == 1) { ivec2 from = cell - 3; return from.x * from.x + from.y * from.y <= 3; }
  if (pattern == 2) return ((place.x + place.y) & 7) < 2;
  if (pattern == 3) return ((place.x - place.y) & 7) < 2;
  if (pattern == 4) return ((place.x + place.y) & 7) < 2 || ((place.x - place.y) & 7) < 2;
  if (pattern == 5) return cell.x < 2 || cell.y < 2;
  return false;
}

vec3 inked(vec3 color, int pattern, ivec2 place) {
  return patterns && hasInk(pattern, place) ? color * 0.45 : color;
}

// How much of a line, so many device pixels wide on either side, lies here: where a neighbour
// is not like this pixel. Pixels are squares that are met exactly when they are seen large;
// seen small, what counts is whether another one is within reach on the screen.
struct Lines { float segment, hovered, selected; };

Lines linesAt(int which, vec2 at, uint own, Told facts, bool wantsSegments) {
  Lines lines = Lines(0.0, 0.0, 0.0);
#if LINES || LIT
  float thin = 0.75 * ratio, thick = 2.0 * ratio;
  float zoom = zooms[which];
  uint group = facts.facts.y;
  vec2 inPixel = fract(at);
  for (int k = 0; k < 9; k += 1) {
    if (k == 4) continue;
    ivec2 step = ivec2(k % 3 - 1, k / 3 - 1);
    // From here to the nearest point of that neighbour, in device pixels.
    vec2 gap = mix(mix(vec2(0.0), 1.0 - inPixel, greaterThan(step, ivec2(0))), inPixel, lessThan(step, ivec2(0)));
    float near = length(gap) * zoom;
    ivec2 pixel = ivec2(floor(at)) + step;
#if LINES
    {
      bool isSmall = zoom < thin;
      ivec2 next = isSmall ? ivec2(floor(at + vec2(step) * thin / zoom)) : pixel;
      float line = isSmall ? 1.0 : clamp(thin + 0.5 - near, 0.0, 1.0);
      if (wantsSegments && numberAt(which, next) != own) lines.segment = max(lines.segment, line);
    }
#endif
#if LIT
    {
      bool isSmall = zoom < thick;
      ivec2 next = isSmall ? ivec2(floor(at + vec2(step) * thick / zoom)) : pixel;
      float line = isSmall ? 1.0 : clamp(thick + 0.5 - near, 0.0, 1.0);
      uint there = groupOf(numberAt(which, next));
      if (hoveredGroup != 0u && (there == hoveredGroup) != (group == hoveredGroup)) lines.hovered = max(lines.hovered, line);
      if (selectedGroup != 0u && (there == selectedGroup) != (group == selectedGroup)) lines.selected = max(lines.selected, line);
    }
#endif
  }
#endif
  return lines;
}

// Lit segments have a bright line within and a dark one around, to be seen on every ground.
vec3 lit(vec3 color, Lines lines, uint group) {
  if (lines.hovered > 0.0) color = mix(color, group == hoveredGroup ? vec3(1.0) : DARK, lines.hovered);
  if (lines.selected > 0.0) color = mix(color, group == selectedGroup ? CHOSEN : DARK, lines.selected);
  return color;
}

vec3 labelAt(int which, vec2 at, ivec2 place) {
  if (!isInside(which, at)) return GROUND;
  uint number = numberAt(which, ivec2(floor(at)));
  Told facts = told(number);
#if EXACT
  return unpacked(facts.colors.w);
#else
  vec3 color = photoAt(which, at);
  bool isChanged = facts.facts.z != 0u;
  bool isOff = number == 0u || isHidden(facts.facts.x & 0xffffu) || (onlyChanges && !isChanged);
  if (onlyChanges && !isChanged) color = greyOf(color) * 0.4;
  vec3 own = vec3(0.0);
  if (!isOff) {
    uint kind = facts.facts.x >> 16 & 15u;
    if (colorBy == 4) {
      own = kind == 0u ? vec3(0.45, 0.48, 0.52) : inked(kindColors[kind], kindPatterns[kind], place);
    } else {
      own = unpacked(colorBy == 0 ? facts.colors.x : colorBy == 1 ? facts.colors.y : facts.colors.z);
    }
    // Crowds are groups, not things: a fine grain tells them.
    if ((facts.facts.x >> 24 & 1u) == 1u && ((place.x ^ place.y) & 3) == 0) own = mix(own, vec3(1.0), 0.35);
    float share = colorBy == 4 && kind == 0u ? opacity * 0.4 : opacity;
    if (number == hoveredNumber) share = min(1.0, share + 0.2);
    color = mix(color, own, share);
  }
  Lines lines = linesAt(which, at, number, facts, !isOff);
  if (lines.segment > 0.0) color = mix(color, mix(own, vec3(1.0), 0.5), lines.segment);
  return lit(color, lines, facts.facts.y);
#endif
}

#if WHAT >= 3
// 1 void before, 2 void now, 3 another class, 4 another segment; 0 nothing.
int pixelKind(ivec2 pixel) {
  uint before = numberIn(0, pixel, 0), after = numberIn(1, pixel, 0);
  uvec4 old = told(before).facts, now = told(after).facts;
  if (old.w == now.w) return 0;
  if (before == 0u) return 1;
  if (after == 0u) return 2;
  return (old.x & 0xffffu) != (now.x & 0xffffu) ? 3 : 4;
}

vec3 withLit(vec3 color, vec2 at) {
#if LIT
  uint number = numberAt(side, ivec2(floor(at)));
  Told facts = told(number);
  return lit(color, linesAt(side, at, number, facts, false), facts.facts.y);
#else
  return color;
#endif
}

#if WHAT == 3
vec3 differenceAt(vec2 at, ivec2 place) {
  if (!isInside(side, at)) return GROUND;
  vec3 color = greyOf(photoAt(side, at)) * 0.6;
  int kind = pixelKind(ivec2(floor(at)));
  if (kind != 0) color = mix(color, inked(pixelColors[kind], pixelPatterns[kind], place), opacity * 0.5 + 0.5);
  return withLit(color, at);
}

#endif
#if WHAT == 4
vec3 ramp(float heat) {
  vec3 low = mix(vec3(0.35, 0.02, 0.1), vec3(0.95, 0.25, 0.05), clamp(heat * 2.0, 0.0, 1.0));
  return mix(low, vec3(1.0, 0.85, 0.3), clamp(heat * 2.0 - 1.0, 0.0, 1.0));
}

float densityAt(vec2 at, float pixels) {
  float scale = float(textureSize(density, 0).x) / float(sizes[side].x);
  return textureLod(density, at / vec2(sizes[side]), max(0.0, log2(pixels * scale / zooms[side]))).r;
}

vec3 heatAt(vec2 at) {
  if (!isInside(side, at)) return GROUND;
  vec3 color = greyOf(photoAt(side, at)) * 0.4;
  float glow = max(densityAt(at, 6.0 * ratio) * 1.4, max(densityAt(at, 14.0 * ratio), 0.5 * densityAt(at, 30.0 * ratio)));
  float heat = min(0.6, glow);
  // Seen small, a changed pixel must not fall between those of the screen.
  if (pixelKind(ivec2(floor(at))) != 0) heat = 1.0;
  else if (zooms[side] < 1.0) heat = max(heat, min(1.0, 3.0 * densityAt(at, 1.0)));
  color = mix(color, ramp(heat), clamp(heat * 2.0, 0.0, 1.0));
  return withLit(color, at);
}

#endif
#if WHAT == 5
vec3 outlinesAt(vec2 at, ivec2 place) {
  if (!isInside(side, at)) return GROUND;
  vec3 color = photoAt(side, at);
  float thin[2];
  for (int which = 0; which < 2; which += 1) {
    thin[which] = 0.0;
    uint number = numberAt(which, ivec2(floor(at)));
    Told facts = told(number);
    if (onlyChanges && facts.facts.z == 0u) continue;
    if (number == 0u || isHidden(facts.facts.x & 0xffffu)) continue;
    thin[which] = linesAt(which, at, number, facts, true).segment;
  }
  float both = min(thin[0], thin[1]);
  float before = thin[0] - both, after = thin[1] - both;
  if (patterns && ((place.x + place.y) & 7) > 4) before = 0.0; // dashes
  color = mix(color, vec3(1.0), both);
  color = mix(color, LEFT_OUT, before);
  color = mix(color, PUT_IN, after);
  return withLit(color, at);
}
#endif
#endif

vec3 seen(vec2 screen) {
  ivec2 place = ivec2(floor((screen - origins[side]) / ratio));
#if WHAT == 0
  return labelAt(0, (screen - origins[0]) / zooms[0], place);
#elif WHAT == 1
  int which = screen.x < split * paneWidth ? 0 : 1;
  return labelAt(which, (screen - origins[which]) / zooms[which], place);
#elif WHAT == 2
  vec3 color = vec3(0.0);
  for (int which = 0; which < 2; which += 1) {
    vec3 own = labelAt(which, (screen - origins[which]) / zooms[which], place);
    color += own * (which == 0 ? 1.0 - onion : onion);
  }
  return color;
#else
  vec2 at = (screen - origins[side]) / zooms[side];
#if WHAT == 3
  return differenceAt(at, place);
#elif WHAT == 4
  return heatAt(at);
#else
  return outlinesAt(at, place);
#endif
#endif
}

void main() {
  vec2 screen = vec2(gl_FragCoord.x, canvasHeight - gl_FragCoord.y) - corner;
  if (samples == 1) {
    result = vec4(seen(screen), 1.0);
    return;
  }
  // Seen small, several pixels of the image share one of the screen.
  vec3 sum = vec3(0.0);
  for (int k = 0; k < 4; k += 1) {
    sum += seen(screen + vec2(k & 1, k >> 1) * 0.5 - 0.25);
  }
  result = vec4(sum / 4.0, 1.0);
}`;
