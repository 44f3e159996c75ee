// The files of a folder as one zip, uncompressed, that never lies in memory: any range of it can be
// asked for, and is made of slices of the files. The same files make the same bytes.

const LOCAL = 30, CENTRAL = 46, END = 22, END64 = 56, LOCATOR64 = 20;
const MOST_32 = 0xffffffff, MOST_16 = 0xffff;
const UTF8_NAMES = 1 << 11;
const FIRST_DAY = 0x0021; // 1 January 1980, the earliest that a zip can say
const CHUNK = 4 * 2 ** 20;
const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte;
});

export class Archive {
  /** @param {{path: string, file: File}[]} files with distinct relative paths */
  constructor(files) {
    const encoder = new TextEncoder();
    const sorted = [...files].sort((one, other) => (one.path < other.path ? -1 : 1));
    let at = 0;
    this.members = sorted.map(({ path, file }) => {
      const member = { path, file, name: encoder.encode(path), start: at, crc: null };
      member.extra = file.size >= MOST_32 ? 20 : 0;
      member.data = at + LOCAL + member.name.length + member.extra;
      at = member.data + file.size;
      return member;
    });
    this.directoryAt = at;
    for (const one of this.members) at += CENTRAL + one.name.length + centralExtra(one);
    this.directoryBytes = at - this.directoryAt;
    this.is64 = at >= MOST_32 || this.members.length >= MOST_16;
    this.size = at + (this.is64 ? END64 + LOCATOR64 : 0) + END;
  }

  /** What tells this archive from others, also after the page was closed. */
  get fingerprint() {
    return this.members.map(({ path, file }) => `${path}:${file.size}:${file.lastModified}`).join("\n");
  }

  /** Resolves to the bytes from `start` to before `end`; rejects where a file cannot be read. */
  async slice(start, end) {
    const pieces = [];
    const add = (at, length, make) => {
      const from = Math.max(start - at, 0), to = Math.min(end - at, length);
      if (from < to) pieces.push(make(from, to));
    };
    for (const one of this.members) {
      if (one.data + one.file.size <= start) continue;
      if (one.start >= end) break;
      if (start < one.data) await checksum(one);
      add(one.start, one.data - one.start, (from, to) => localHeader(one).slice(from, to));
      add(one.data, one.file.size, (from, to) => one.file.slice(from, to));
    }
    if (end > this.directoryAt) {
      for (const one of this.members) await checksum(one);
      const tail = this.tail();
      add(this.directoryAt, tail.length, (from, to) => tail.slice(from, to));
    }
    return new Blob(pieces);
  }

  /** The directory and the records of the end. */
  tail() {
    const bytes = new Uint8Array(this.size - this.directoryAt);
    let at = 0;
    for (const one of this.members) {
      const header = centralHeader(one);
      bytes.set(header, at);
      at += header.length;
    }
    const count = this.members.length;
    if (this.is64) {
      const end64 = [[4, 0x06064b50], [8, END64 - 12], [2, 45], [2, 45], [4, 0], [4, 0], [8, count], [8, count]];
      bytes.set(record([...end64, [8, this.directoryBytes], [8, this.directoryAt]]), at);
      bytes.set(record([[4, 0x07064b50], [4, 0], [8, this.directoryAt + at], [4, 1]]), at + END64);
      at += END64 + LOCATOR64;
    }
    const short = Math.min(count, MOST_16);
    const place = [[4, Math.min(this.directoryBytes, MOST_32)], [4, Math.min(this.directoryAt, MOST_32)]];
    bytes.set(record([[4, 0x06054b50], [2, 0], [2, 0], [2, short], [2, short], ...place, [2, 0]]), at);
    return bytes;
  }
}

/** Why a name cannot be in an archive that the service unpacks, "" where it can. */
export function faultOf(path) {
  if (/[\\\u0000-\u001f\u007f]/.test(path) || /^[A-Za-z]:/.test(path)) return "a character that other systems do not take";
  if (path.split("/").some((part) => part === "" || part === "." || part === "..")) return "a part that leaves the folder";
  if (new TextEncoder().encode(path).length > 1024) return "more than 1,024 bytes";
  return "";
}

/** Resolves to the names in a zip, null where they cannot be read here: no zip, or a very large one. */
export async function namesIn(file) {
  const tail = await viewOf(file, Math.max(file.size - END - MOST_16, 0), file.size);
  let end = tail.byteLength - END;
  while (end >= 0 && tail.getUint32(end, true) !== 0x06054b50) end--;
  if (end < 0) return null;
  const length = tail.getUint32(end + 12, true), start = tail.getUint32(end + 16, true);
  if (start === MOST_32 || length > 2 ** 25) return null;
  const directory = await viewOf(file, start, start + length);
  const decoder = new TextDecoder();
  const names = [];
  for (let at = 0; at + CENTRAL <= directory.byteLength; ) {
    if (directory.getUint32(at, true) !== 0x02014b50) return null;
    const [name, extra, comment] = [28, 30, 32].map((place) => directory.getUint16(at + place, true));
    if (at + CENTRAL + name > directory.byteLength) return null;
    names.push(decoder.decode(new Uint8Array(directory.buffer, at + CENTRAL, name)));
    at += CENTRAL + name + extra + comment;
  }
  return names.filter((name) => !name.endsWith("/"));
}

async function viewOf(file, start, end) {
  return new DataView(await file.slice(start, end).arrayBuffer());
}

async function checksum(member) {
  if (member.crc !== null) return;
  let crc = -1;
  for (let at = 0; at < member.file.size; at += CHUNK) {
    const bytes = new Uint8Array(await member.file.slice(at, at + CHUNK).arrayBuffer());
    for (let i = 0; i < bytes.length; i++) crc = CRC[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  }
  member.crc = ~crc >>> 0;
}

function centralExtra(member) {
  const longs = (member.file.size >= MOST_32 ? 2 : 0) + (member.start >= MOST_32 ? 1 : 0);
  return longs ? 4 + 8 * longs : 0;
}

function common(member) {
  const size = Math.min(member.file.size, MOST_32);
  const needs = centralExtra(member) ? 45 : 20;
  return [[2, needs], [2, UTF8_NAMES], [2, 0], [2, 0], [2, FIRST_DAY], [4, member.crc], [4, size], [4, size], [2, member.name.length]];
}

function localHeader(member) {
  const extra = member.extra ? [[2, 1], [2, 16], [8, member.file.size], [8, member.file.size]] : [];
  return join(record([[4, 0x04034b50], ...common(member), [2, member.extra]]), member.name, record(extra));
}

function centralHeader(member) {
  const long = member.file.size >= MOST_32 ? [[8, member.file.size], [8, member.file.size]] : [];
  const longs = member.start >= MOST_32 ? [...long, [8, member.start]] : long;
  const extra = longs.length ? [[2, 1], [2, 8 * longs.length], ...longs] : [];
  const place = [[2, centralExtra(member)], [2, 0], [2, 0], [2, 0], [4, 0], [4, Math.min(member.start, MOST_32)]];
  return join(record([[4, 0x02014b50], [2, 45], ...common(member), ...place]), member.name, record(extra));
}

/** Numbers of 2, 4 or 8 bytes, the lowest byte first. */
function record(fields) {
  const bytes = new Uint8Array(fields.reduce((sum, [size]) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [size, value] of fields) {
    if (size === 2) view.setUint16(at, value, true);
    else if (size === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
    at += size;
  }
  return bytes;
}

function join(...parts) {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
