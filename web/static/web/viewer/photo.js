// Photographs: fetched as files, decoded when a renderer needs their pixels.

/** The file of a side's photograph; null where there is none. A lost one is no reason to fail. */
export async function fetchPhoto(side, signal) {
  if (!side.photo) return null;
  const answer = await fetch(side.photo, { signal });
  if (!answer.ok) {
    side.photo_problem = `The photograph did not come (${answer.status}).`;
    return null;
  }
  const file = await answer.blob();
  if (side.photo_upright || file.type !== "image/jpeg") return file;
  return withoutExif(file);
}

/**
 * Decode a photograph, no side longer than `most` pixels; null where the browser cannot.
 * It is stretched to the shape of the label: the server said that they fit.
 */
export async function decodePhoto(side, most) {
  if (!side?.photoFile) return null;
  const shrink = Math.min(1, most / Math.max(side.width, side.height));
  const size = {
    resizeWidth: Math.max(1, Math.round(side.width * shrink)),
    resizeHeight: Math.max(1, Math.round(side.height * shrink)),
    resizeQuality: "high",
  };
  try {
    return await createImageBitmap(side.photoFile, shrink < 1 ? size : {});
  } catch {
    side.photo_problem = "The browser cannot show the photograph.";
    return null;
  }
}

/** A JPEG without its EXIF: browsers turn what it tells to turn, and cannot be told not to. */
async function withoutExif(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const view = new DataView(bytes.buffer);
  const kept = [bytes.subarray(0, 2)];
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at] === 0xff && bytes[at + 1] !== 0xda) {
    const end = at + 2 + view.getUint16(at + 2);
    if (bytes[at + 1] !== 0xe1) kept.push(bytes.subarray(at, end));
    at = end;
  }
  kept.push(bytes.subarray(at));
  return new Blob(kept, { type: file.type });
}
