// What somebody chose or dropped: the files in it, with paths inside of the folder.

import { Archive, faultOf, namesIn } from "./archive.js";

const PHOTOGRAPH = /\.(jpe?g|tiff?|webp|bmp)$/i;
const LITTER = /^(\.|thumbs\.db$|desktop\.ini$|__MACOSX$)/i;
const ARCHIVE = /\.(zip|tar|tgz|tar\.gz)$/i;
const MOST_FILES = 500000;
const MOST_PATHS = 500;

/** It cannot be sent; `message` says what to do. */
export class Unusable extends Error {}

/** Resolves to {path, file} of all that was dropped, folders walked through. */
export async function filesOfDrop(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files].map((file) => ({ path: file.name, file }));
  const found = [];
  for (const entry of entries) await walk(entry, found);
  return found;
}

export function filesOfFolder(input) {
  return [...input.files].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}

/**
 * Resolves to one archive as it is, or a zip of all files: {name, size, fingerprint, slice, paths, leftOut}.
 * `paths` is null where the names in an archive are not known.
 */
export async function sourceOf(chosen) {
  if (chosen.length === 1 && ARCHIVE.test(chosen[0].path)) return sourceOfArchive(chosen[0].file);
  const wanted = chosen.filter(({ path }) => !path.split("/").some((part) => LITTER.test(part)));
  if (!wanted.length) throw new Unusable("There is no file in it.");
  if (wanted.length > MOST_FILES) throw new Unusable(`There are ${wanted.length.toLocaleString("en")} files in it; ${MOST_FILES.toLocaleString("en")} are taken at once.`);
  const top = wanted[0].path.split("/")[0];
  const isOneFolder = wanted.every(({ path }) => path.startsWith(`${top}/`));
  const files = isOneFolder ? wanted.map(({ path, file }) => ({ path: path.slice(top.length + 1), file })) : wanted;
  check(files);
  const archive = new Archive(files);
  const paths = files.map(({ path }) => path);
  const name = isOneFolder ? top : files.length === 1 ? files[0].path : `${files.length} files`;
  return {
    name: `${name}.zip`,
    shown: name,
    size: archive.size,
    fingerprint: archive.fingerprint,
    slice: (start, end) => archive.slice(start, end),
    paths,
    leftOut: chosen.length - wanted.length,
  };
}

/** The JSON files among paths, the folders, and the one that holds most photographs. */
export function placesIn(paths) {
  const photographs = new Map();
  const folders = new Set();
  for (const path of paths) {
    const folder = path.slice(0, Math.max(path.lastIndexOf("/"), 0));
    for (let one = folder; one; one = one.slice(0, Math.max(one.lastIndexOf("/"), 0))) folders.add(one);
    if (PHOTOGRAPH.test(path)) photographs.set(folder, (photographs.get(folder) ?? 0) + 1);
  }
  const all = [...photographs.values()].reduce((sum, count) => sum + count, 0);
  const [most] = [...photographs].sort((one, other) => other[1] - one[1]);
  return {
    documents: paths.filter((path) => /\.json$/i.test(path)).slice(0, MOST_PATHS),
    folders: [...folders].sort().slice(0, MOST_PATHS),
    photographs: most && 2 * most[1] > all ? most[0] || "." : "",
  };
}

async function sourceOfArchive(file) {
  if (!file.size) throw new Unusable("The file is empty.");
  return {
    name: file.name,
    shown: file.name,
    size: file.size,
    fingerprint: `${file.name}:${file.size}:${file.lastModified}`,
    // Read now: what cannot be read is told as such, not as a broken connection.
    slice: async (start, end) => new Blob([await file.slice(start, end).arrayBuffer()]),
    paths: /\.zip$/i.test(file.name) ? await namesIn(file) : null,
    leftOut: 0,
  };
}

function check(files) {
  const met = new Map();
  for (const { path } of files) {
    const fault = faultOf(path);
    if (fault) throw new Unusable(`The name “${path}” has ${fault}. Rename it.`);
    const folded = path.normalize("NFC").toLowerCase();
    if (met.has(folded)) throw new Unusable(`“${met.get(folded)}” and “${path}” are one name on other systems. Rename one.`);
    met.set(folded, path);
  }
}

async function walk(entry, found) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    found.push({ path: entry.fullPath.replace(/^\//, ""), file });
    return;
  }
  const reader = entry.createReader();
  // A browser gives a hundred at a time, and none at the end.
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return;
    for (const one of some) await walk(one, found);
  }
}
