// PNG → numbers of segments, exactly.
//
// The pixels of an id PNG are numbers, not colours. A browser's own decoder would hand them over
// through a canvas, where profiles, premultiplied alpha and protection against fingerprinting
// (which adds noise to what is read back) may change them. So the file is read here: the browser
// only inflates it. It comes in pieces, between which the page stays alive.

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const CHANNELS = { 2: 3, 6: 4 }; // by colour type: RGB, RGBA

/** A file that is no id PNG; the message says what is wrong with it. */
export class MalformedPicture extends Error {}

/**
 * Read an id PNG: id = R + 256 G + 65536 B.
 *
 * @param {Uint8Array} file
 * @param {{width: number, height: number}} size that it must have
 * @param {Map<number, number>} numbers the number that stands for each id; 0 is always 0
 * @param {Uint16Array|Uint32Array} into takes a number per pixel, row after row
 */
export async function decodeIds(file, size, numbers, into) {
  const header = readHeader(file);
  if (header.width !== size.width || header.height !== size.height) {
    throw new MalformedPicture(
      `it has ${header.width} × ${header.height} pixels, not ${size.width} × ${size.height}`,
    );
  }
  const rows = new Rows(header, numbers, into);
  const packed = new Blob(header.content);
  const reader = packed.stream().pipeThrough(new DecompressionStream("deflate")).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    rows.take(value);
  }
  if (rows.row < size.height) throw new MalformedPicture(`it ends in row ${rows.row}`);
}

function readHeader(file) {
  if (SIGNATURE.some((byte, place) => file[place] !== byte)) {
    throw new MalformedPicture("it is no PNG");
  }
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const header = { content: [] };
  for (let at = 8; at + 12 <= file.length; ) {
    const length = view.getUint32(at);
    const kind = String.fromCharCode(...file.subarray(at + 4, at + 8));
    const body = at + 8;
    if (kind === "IHDR") {
      header.width = view.getUint32(body);
      header.height = view.getUint32(body + 4);
      header.channels = CHANNELS[file[body + 9]];
      const [depth, interlace] = [file[body + 8], file[body + 12]];
      if (!header.channels || depth !== 8 || interlace !== 0) {
        throw new MalformedPicture("it is not plain RGB with 8 bits");
      }
    }
    if (kind === "IDAT") header.content.push(file.subarray(body, body + length));
    at = body + length + 4;
  }
  if (!header.channels) throw new MalformedPicture("it has no header");
  return header;
}

/** Takes inflated bytes as they come, and turns each whole row into numbers. */
class Rows {
  constructor({ width, height, channels }, numbers, into) {
    Object.assign(this, { width, height, channels, numbers, into });
    this.row = 0;
    this.line = new Uint8Array(1 + width * channels);
    this.above = new Uint8Array(1 + width * channels);
    this.filled = 0;
  }

  take(bytes) {
    let at = 0;
    while (at < bytes.length && this.row < this.height) {
      const piece = bytes.subarray(at, at + this.line.length - this.filled);
      this.line.set(piece, this.filled);
      at += piece.length;
      this.filled += piece.length;
      if (this.filled < this.line.length) return;
      this.filled = 0;
      this.finish();
    }
  }

  finish() {
    const { line, above, width, row, into } = this;
    if (row > 0 && line[0] === 2 && isEmpty(line)) {
      // As the row above: so are most rows of a label, and `above` stays what it is.
      into.copyWithin(row * width, (row - 1) * width, row * width);
    } else {
      unfilter(line, above, this.channels);
      this.write();
      this.line = above;
      this.above = line;
    }
    this.row += 1;
  }

  write() {
    const { line, channels, numbers, into, width, row } = this;
    let [last, number] = [0, 0];
    for (let x = 0, at = 1, to = row * width; x < width; x += 1, at += channels, to += 1) {
      const id = line[at] | (line[at + 1] << 8) | (line[at + 2] << 16);
      if (id !== last) {
        number = id === 0 ? 0 : numbers.get(id);
        if (number === undefined) {
          throw new MalformedPicture(`row ${row} has segment ${id}, which is not in the table`);
        }
        last = id;
      }
      into[to] = number;
    }
  }
}

function isEmpty(line) {
  for (let at = 1; at < line.length; at += 1) if (line[at] !== 0) return false;
  return true;
}

/** Undo the filter of a row (PNG, 9.2): bytes are sums with what stands left and above. */
function unfilter(line, above, step) {
  const filter = line[0];
  if (filter > 4) throw new MalformedPicture(`a row has the filter ${filter}`);
  if (filter === 0) return;
  for (let at = 1; at < line.length; at += 1) {
    const left = at > step ? line[at - step] : 0;
    const up = above[at];
    if (filter === 1) line[at] += left;
    else if (filter === 2) line[at] += up;
    else if (filter === 3) line[at] += (left + up) >> 1;
    else line[at] += paeth(left, up, at > step ? above[at - step] : 0);
  }
}

function paeth(left, up, corner) {
  const [a, b, c] = [
    Math.abs(up - corner),
    Math.abs(left - corner),
    Math.abs(left + up - 2 * corner),
  ];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}
