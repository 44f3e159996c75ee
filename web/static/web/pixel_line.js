// The line under the picture: where the cursor is, and which segments are there on both sides.

export class PixelLine {
  /** @param {HTMLElement} line */
  constructor(line) {
    this.line = line;
    this.sides = null;
  }

  /** Take the names of classes and segments of what the viewer has loaded. */
  name(scene) {
    this.sides = Object.fromEntries(
      Object.entries(scene.sides).map(([name, side]) => [name, side?.panoptic ? namesOf(side) : null]),
    );
  }

  /** @param {{x: number, y: number, old: number|null, new: number|null}|null} at */
  show(at) {
    const isOn = Boolean(at && this.sides);
    this.part("[data-hint]").hidden = isOn;
    this.part("[data-at]").hidden = !isOn;
    if (isOn) this.part("[data-at]").textContent = `x ${at.x}  y ${at.y}`;
    for (const side of ["old", "new"]) this.showSide(side, isOn ? at[side] : null, isOn);
  }

  showSide(side, id, isOn) {
    const place = this.part(`[data-side="${side}"]`);
    const names = this.sides?.[side];
    place.hidden = !isOn;
    if (!isOn) return;
    const segment = id ? names?.get(id) : null;
    place.querySelector(".swatch").style.visibility = segment ? "visible" : "hidden";
    if (segment) place.querySelector("rect").setAttribute("fill", segment.color);
    place.querySelector("[data-text]").textContent = !names
      ? "no label"
      : segment
        ? `${segment.text} #${id}`
        : id === null
          ? "outside"
          : "void";
  }

  /** The meaning of the colours of a mode. */
  explain(mode) {
    this.part("[data-legend]").hidden = mode !== "difference";
  }

  part(selector) {
    return this.line.querySelector(selector);
  }
}

function namesOf(side) {
  const { id, class_id: classes, crowd } = side.segments;
  return new Map(
    id.map((one, at) => {
      const { name, color } = side.classes[classes[at]];
      return [one, { text: crowd[at] ? `${name}, crowd` : name, color }];
    }),
  );
}
