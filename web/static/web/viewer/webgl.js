// Draws frames with WebGL2. Everything is uploaded when a scene comes; a frame sets uniforms.

import { decodePhoto } from "./photo.js";
import { densityOf, Pyramid } from "./density.js";
import { parseColor } from "./colors.js";
import { COLOR_WORDS, fragment, PATTERNS, TABLE_WIDTH, VERTEX } from "./shaders.js";
import { SceneError, WORDS } from "./scene.js";

const SIDES = ["old", "new"];
const UNITS = { oldIds: 0, newIds: 1, table: 2, oldPhoto: 3, newPhoto: 4, density: 5 };
const CRISP_ZOOM = 3; // from here on pixels of the photograph are shown as squares

/** A renderer; null where the browser has no WebGL2. */
export function makeWebgl(canvas) {
  const gl = canvas.getContext("webgl2", {
    alpha: false,
    antialias: false,
    depth: false,
    stencil: false,
    preserveDrawingBuffer: false,
  });
  return gl ? new Webgl(gl) : null;
}

class Webgl {
  constructor(gl) {
    this.gl = gl;
    this.name = "webgl2";
    this.most = gl.getParameter(gl.MAX_TEXTURE_SIZE);
    this.textures = [];
  }

  /** Upload a scene. May be called again after the context was lost. */
  async load(scene) {
    const { gl } = this;
    this.scene = scene;
    this.programs = new Map();
    gl.bindVertexArray(gl.createVertexArray());
    gl.disable(gl.DITHER);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    this.deleteTextures();
    const planes = SIDES.map((name) => this.uploadPlanes(scene.sides[name]));
    this.uploadTable(scene);
    const photos = await this.uploadPhotos(scene);
    this.uploadDensity(scene);
    this.sides = SIDES.map((name, place) => ({
      size: [scene.sides[name]?.width ?? 0, scene.sides[name]?.height ?? 0],
      hasIds: planes[place].isThere,
      ids: planes[place].texture,
      fold: planes[place].fold,
      hasPhoto: photos[place].isThere,
      photo: photos[place].texture,
    }));
  }

  uploadPlanes(side) {
    const { gl } = this;
    const planes = side?.planes ?? [];
    const texture = this.makeTexture(gl.TEXTURE_2D_ARRAY);
    if (!planes.length) {
      gl.texStorage3D(gl.TEXTURE_2D_ARRAY, 1, gl.R16UI, 1, 1, 1);
      return { texture, fold: 0, isThere: false };
    }
    // Texels are fetched by number, so an image that is longer than a texture may be, is folded.
    const fold = Math.max(side.width, side.height) > this.most ? this.most : 0;
    const width = fold || side.width;
    const height = fold ? Math.ceil((side.width * side.height) / fold) : side.height;
    if (height > this.most) {
      throw new SceneError(
        `The image has ${side.width} × ${side.height} pixels: more than the graphics of this machine can hold.`,
      );
    }
    const isWide = planes[0] instanceof Uint32Array;
    const [format, type] = isWide ? [gl.R32UI, gl.UNSIGNED_INT] : [gl.R16UI, gl.UNSIGNED_SHORT];
    gl.texStorage3D(gl.TEXTURE_2D_ARRAY, 1, format, width, height, planes.length);
    planes.forEach((plane, slice) => {
      let whole = plane;
      if (plane.length < width * height) {
        whole = new plane.constructor(width * height);
        whole.set(plane);
      }
      gl.texSubImage3D(gl.TEXTURE_2D_ARRAY, 0, 0, 0, slice, width, height, 1, gl.RED_INTEGER, type, whole);
    });
    return { texture, fold, isThere: true };
  }

  uploadTable(scene) {
    const { gl } = this;
    const texels = (scene.count * WORDS) / 4;
    const height = Math.ceil(texels / TABLE_WIDTH);
    const words = new Uint32Array(TABLE_WIDTH * height * 4);
    words.set(scene.table);
    this.table = this.makeTexture(gl.TEXTURE_2D);
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA32UI, TABLE_WIDTH, height);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, TABLE_WIDTH, height, gl.RGBA_INTEGER, gl.UNSIGNED_INT, words);
  }

  /** The textures of both photographs; one for both sides where it is the same file. */
  async uploadPhotos(scene) {
    const { gl } = this;
    const made = new Map();
    for (const name of SIDES) {
      const side = scene.sides[name];
      const key = keyOf(side);
      if (!made.has(key)) {
        const picture = await decodePhoto(side, this.most);
        const texture = this.makeTexture(gl.TEXTURE_2D);
        const { width, height } = picture ?? { width: 1, height: 1 };
        const levels = Math.floor(Math.log2(Math.max(width, height))) + 1;
        gl.texStorage2D(gl.TEXTURE_2D, levels, gl.RGBA8, width, height);
        if (picture) {
          gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, gl.RGBA, gl.UNSIGNED_BYTE, picture);
          gl.generateMipmap(gl.TEXTURE_2D);
          picture.close();
        }
        gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
        made.set(key, { texture, isThere: picture !== null });
      }
    }
    return SIDES.map((name) => made.get(keyOf(scene.sides[name])));
  }

  uploadDensity(scene) {
    const { gl } = this;
    const { levels } = new Pyramid(densityOf(scene, this.most));
    this.density = this.makeTexture(gl.TEXTURE_2D);
    gl.texStorage2D(gl.TEXTURE_2D, levels.length, gl.R8, levels[0].width, levels[0].height);
    levels.forEach(({ width, height, values }, level) =>
      gl.texSubImage2D(gl.TEXTURE_2D, level, 0, 0, width, height, gl.RED, gl.UNSIGNED_BYTE, values),
    );
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.LINEAR);
  }

  makeTexture(kind) {
    const { gl } = this;
    const texture = gl.createTexture();
    this.textures.push(texture);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(kind, texture);
    gl.texParameteri(kind, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(kind, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    gl.texParameteri(kind, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(kind, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
    return texture;
  }

  /** The program for one kind of pane, compiled when it is first needed. */
  programFor(kind) {
    const { gl } = this;
    const key = JSON.stringify(kind);
    if (!this.programs.has(key)) this.programs.set(key, startProgram(gl, fragment(kind)));
    return this.programs.get(key);
  }

  /** Use a program; what never changes in a scene is told it once. */
  use(made) {
    const { gl, scene } = this;
    gl.useProgram(made.program);
    if (made.places) return made.places;
    const places = (made.places = uniformsOf(gl, made.program));
    for (const [name, unit] of Object.entries(UNITS)) gl.uniform1i(places[name], unit);
    for (const [name, kinds] of [["kind", scene.kinds], ["pixel", scene.pixels]]) {
      const colors = kinds.flatMap((kind) => parseColor(kind.color).map((one) => one / 255));
      gl.uniform3fv(places[`${name}Colors`], [0, 0, 0, ...colors]);
      gl.uniform1iv(places[`${name}Patterns`], [0, ...kinds.map((kind) => PATTERNS[kind.pattern])]);
    }
    return places;
  }

  /** Draw a frame of `plan.js`. */
  draw(plan) {
    const { gl } = this;
    gl.disable(gl.SCISSOR_TEST);
    gl.clearColor(0.2, 0.22, 0.25, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.enable(gl.SCISSOR_TEST);
    for (const pane of plan.panes) this.drawPane(plan, pane);
  }

  drawPane(plan, pane) {
    const { gl } = this;
    const { state, lit } = plan;
    const isExact = state.colorBy === "id" && ["label", "swipe", "onion"].includes(pane.what);
    const kind = {
      what: pane.what,
      isExact,
      hasLines: !isExact && (pane.what === "outlines" || (state.outlines && !["difference", "heat"].includes(pane.what))),
      hasLit: !isExact && Boolean(lit.hovered || lit.selected),
    };
    const places = this.use(this.programFor(kind));
    // The first hover is to come without a wait.
    if (!isExact) this.programFor({ ...kind, hasLit: true });
    this.tellState(places, plan);
    this.tellPane(places, plan, pane);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  tellState(places, { state, lit, ratio, hiddenClasses }) {
    const { gl } = this;
    gl.uniform1f(places.canvasHeight, gl.drawingBufferHeight);
    gl.uniform1f(places.ratio, ratio);
    gl.uniform1i(places.colorBy, COLOR_WORDS[state.colorBy]);
    for (const name of ["onion", "opacity", "brightness"]) gl.uniform1f(places[name], state[name]);
    gl.uniform1f(places.split, state.swipe);
    for (const name of ["patterns", "onlyChanges"]) gl.uniform1i(places[name], state[name] ? 1 : 0);
    gl.uniform1ui(places.hoveredGroup, lit.hovered);
    gl.uniform1ui(places.hoveredNumber, lit.hoveredNumber);
    gl.uniform1ui(places.selectedGroup, lit.selected);
    gl.uniform4uiv(places.hiddenClasses, hiddenClasses);
  }

  tellPane(places, { state }, pane) {
    const { gl, scene } = this;
    const bottom = gl.drawingBufferHeight - pane.y - pane.height;
    gl.viewport(pane.x, bottom, pane.width, pane.height);
    gl.scissor(pane.x, bottom, pane.width, pane.height);
    // Side 0 and side 1 of the program: the shown one alone, or old and new.
    const names = pane.what === "label" ? [pane.side, pane.side] : SIDES;
    const drawn = names.map((name) => this.sides[SIDES.indexOf(name)]);
    const placed = names.map((name) => pane.sides[name] ?? pane.frame);
    gl.uniform2iv(places.sizes, drawn.flatMap((side) => side.size));
    gl.uniform1iv(places.folds, drawn.map((side) => side.fold));
    gl.uniform2i(places.hasIds, ...drawn.map((side) => (side.hasIds ? 1 : 0)));
    gl.uniform2i(places.hasPhoto, ...drawn.map((side) => (side.hasPhoto ? 1 : 0)));
    gl.uniform2i(places.slices, ...names.map((name) => sliceOf(scene.sides[name], state.layer)));
    gl.uniform2fv(places.origins, placed.flatMap((side) => side.origin));
    gl.uniform1fv(places.zooms, placed.map((side) => side.zoom));
    gl.uniform2f(places.corner, pane.x, pane.y);
    gl.uniform1f(places.paneWidth, pane.width);
    gl.uniform1i(places.side, pane.what === "label" ? 0 : SIDES.indexOf(pane.side));
    gl.uniform1i(places.samples, placed[0].zoom < 0.8 && state.colorBy !== "id" ? 4 : 1);
    const bound = [drawn[0].ids, drawn[1].ids, this.table, drawn[0].photo, drawn[1].photo, this.density];
    bound.forEach((texture, unit) => {
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(unit < 2 ? gl.TEXTURE_2D_ARRAY : gl.TEXTURE_2D, texture);
    });
    placed.forEach(({ zoom }, place) => {
      gl.activeTexture(gl.TEXTURE0 + UNITS.oldPhoto + place);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, zoom >= CRISP_ZOOM ? gl.NEAREST : gl.LINEAR);
    });
  }

  /** The pixels of the canvas right after a draw: RGBA, rows from above. */
  read() {
    const { gl } = this;
    const [width, height] = [gl.drawingBufferWidth, gl.drawingBufferHeight];
    const below = new Uint8Array(width * height * 4);
    gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, below);
    const pixels = new Uint8ClampedArray(below.length);
    for (let row = 0; row < height; row += 1) {
      const from = (height - 1 - row) * width * 4;
      pixels.set(below.subarray(from, from + width * 4), row * width * 4);
    }
    return new ImageData(pixels, width, height);
  }

  /** What the graphics held is gone: there is nothing to delete any more. */
  forget() {
    this.textures = [];
  }

  deleteTextures() {
    for (const texture of this.textures) this.gl.deleteTexture(texture);
    this.textures = [];
  }

  /** Give the memory back. */
  close() {
    this.deleteTextures();
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}

const sliceOf = (side, layer) =>
  side?.hasLayers && layer !== null && layer + 1 < side.planes.length ? layer + 1 : 0;

const keyOf = (side) => (side?.photoFile ? side.photo_digest : "");

/** Begin to compile; browsers do it beside the page until somebody asks for the result. */
function startProgram(gl, text) {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, text]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  return { program, places: null };
}

function uniformsOf(gl, program) {
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
    const logs = gl.getAttachedShaders(program).map((shader) => gl.getShaderInfoLog(shader));
    throw new Error(`The program of the viewer does not link: ${gl.getProgramInfoLog(program)} ${logs.join(" ")}`);
  }
  const places = {};
  const count = gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS) ?? 0;
  for (let place = 0; place < count; place += 1) {
    const { name } = gl.getActiveUniform(program, place);
    places[name.replace("[0]", "")] = gl.getUniformLocation(program, name);
  }
  return places;
}
