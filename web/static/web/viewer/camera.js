// Where one looks, and how closely. Everything here is a pure function of its arguments.
//
// A camera is {center: [x, y], zoom}: the image point in the middle of a pane, in pixels of the
// image, and CSS pixels per image pixel. A view is the size of a pane in CSS pixels, a size is
// that of the image: both {width, height}. Points of a pane are [x, y] from its upper left.

const CLOSEST = 64;
const MARGIN = 0.94; // what a box takes up of the pane that shows it
const CLOSEST_BOX = 24; // a segment of one pixel is not blown up to the whole pane

/** The zoom at which all of the image is seen. */
export function fitZoom(size, view) {
  return Math.max(1e-6, Math.min(view.width / size.width, view.height / size.height));
}

/** The camera that sees all of the image. */
export function fitCamera(size, view) {
  return { center: [size.width / 2, size.height / 2], zoom: fitZoom(size, view) };
}

/** The smallest and the largest zoom that is useful: [least, most]. */
export function zoomLimits(size, view) {
  const fit = fitZoom(size, view);
  return [Math.min(fit / 2, 1), Math.max(CLOSEST, fit * 2)];
}

/** The image point under a point of the pane. */
export function toImage(camera, view, [x, y]) {
  return [
    camera.center[0] + (x - view.width / 2) / camera.zoom,
    camera.center[1] + (y - view.height / 2) / camera.zoom,
  ];
}

/** Where an image point is seen in the pane. */
export function toPane(camera, view, [x, y]) {
  return [
    (x - camera.center[0]) * camera.zoom + view.width / 2,
    (y - camera.center[1]) * camera.zoom + view.height / 2,
  ];
}

/** Zoom by a factor, within limits; what is under `point` stays under it. */
export function zoomAt(camera, view, size, point, factor) {
  const [least, most] = zoomLimits(size, view);
  const zoom = Math.min(most, Math.max(least, camera.zoom * factor));
  const [x, y] = toImage(camera, view, point);
  return {
    zoom,
    center: [x - (point[0] - view.width / 2) / zoom, y - (point[1] - view.height / 2) / zoom],
  };
}

/** Drag the image by so many CSS pixels. */
export function panBy(camera, [dx, dy]) {
  return {
    zoom: camera.zoom,
    center: [camera.center[0] - dx / camera.zoom, camera.center[1] - dy / camera.zoom],
  };
}

/** The middle of the pane always shows some of the image, so that it cannot be lost. */
export function keptInside(camera, size) {
  const within = (value, most) => Math.min(most, Math.max(0, value));
  return {
    zoom: camera.zoom,
    center: [within(camera.center[0], size.width), within(camera.center[1], size.height)],
  };
}

/** The camera that sees a box [left, top, width, height] of the image, with a margin. */
export function boxCamera(box, size, view) {
  const [left, top, width, height] = box;
  const wanted = MARGIN * Math.min(view.width / Math.max(width, 1), view.height / Math.max(height, 1));
  const [least, most] = zoomLimits(size, view);
  const closest = Math.max(CLOSEST_BOX, fitZoom(size, view));
  return {
    center: [left + width / 2, top + height / 2],
    zoom: Math.min(most, closest, Math.max(least, wanted)),
  };
}

/** Two fingers moved from `before` to `after` (two points each): what was under them follows. */
export function pinched(camera, view, size, before, after) {
  const middle = ([p, q]) => [(p[0] + q[0]) / 2, (p[1] + q[1]) / 2];
  const apart = ([p, q]) => Math.max(1, Math.hypot(p[0] - q[0], p[1] - q[1]));
  const [from, to] = [middle(before), middle(after)];
  const zoomed = zoomAt(camera, view, size, from, apart(after) / apart(before));
  return panBy(zoomed, [to[0] - from[0], to[1] - from[1]]);
}

/**
 * Where the upper left corner of the image lies from that of the pane, in device pixels. It is
 * rounded: at whole zooms, pixels of the image then are whole squares of the screen.
 */
export function originOf(camera, view, ratio) {
  const [x, y] = toPane(camera, view, [0, 0]);
  return [Math.round(x * ratio), Math.round(y * ratio)];
}
