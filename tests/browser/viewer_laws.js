// What cameras and states promise; returns the promises that were broken.
async () => {
  const camera = await import("/static/web/viewer/camera.js");
  const state = await import("/static/web/viewer/state.js");
  const random = (seed => () => (seed = (seed * 16807) % 2147483647) / 2147483647)(7);
  const between = (least, most) => least + random() * (most - least);
  const broken = [];
  const near = (one, other) => one.every((value, k) => Math.abs(value - other[k]) < 1e-6 * (1 + Math.abs(value)));
  for (let k = 0; k < 500; k += 1) {
    const size = { width: Math.ceil(between(1, 9000)), height: Math.ceil(between(1, 9000)) };
    const view = { width: between(50, 4000), height: between(50, 2500) };
    const fit = camera.fitCamera(size, view);
    const [least, most] = camera.zoomLimits(size, view);
    const look = { center: [between(0, size.width), between(0, size.height)], zoom: between(least, most) };
    const point = [between(0, view.width), between(0, view.height)];
    const held = (after) => near(camera.toImage(after, view, point), camera.toImage(look, view, point));
    const [p, q] = [[10, 20], [60, 70]];
    const box = [between(0, size.width / 2), between(0, size.height / 2), size.width / 3, size.height / 3];
    const boxed = camera.boxCamera(box, size, view);
    const corners = [[box[0], box[1]], [box[0] + box[2], box[1] + box[3]]];
    const laws = {
      "a zoom keeps what is under the point": held(camera.zoomAt(look, view, size, point, between(0.01, 100))),
      "a zoom stays within its limits": [0.001, 1000].every((factor) => {
        const { zoom } = camera.zoomAt(look, view, size, point, factor);
        return zoom >= least && zoom <= most;
      }),
      "to the image and back": near(camera.toPane(look, view, camera.toImage(look, view, point)), point),
      "a drag moves the image by as much": near(
        camera.toPane(camera.panBy(look, [7, -3]), view, camera.toImage(look, view, point)), [point[0] + 7, point[1] - 3]),
      "fingers that only move drag": near(
        camera.pinched(look, view, size, [p, q], [[15, 22], [65, 72]]).center, camera.panBy(look, [5, 2]).center),
      "all is seen when it fits": size.width * fit.zoom <= view.width + 1e-6 && size.height * fit.zoom <= view.height + 1e-6,
      "a box is seen whole": corners.every((corner) =>
        camera.toPane(boxed, view, corner).every((at, k) => at >= -1e-6 && at <= [view.width, view.height][k] + 1e-6)),
    };
    for (const [law, holds] of Object.entries(laws)) if (!holds) broken.push([law, size, view, look, point]);
  }
  const first = state.firstState("heat");
  const laws = {
    "no change gives the same state": state.updated(first, { zoom: null, hidden: [], mode: "heat" }) === first,
    "what cannot be read is left": state.updated(first, { mode: "x", zoom: "y", swipe: NaN, side: 3, layer: -1, nothing: 1 }) === first,
    "numbers stay within bounds": state.updated(first, { swipe: 7, opacity: -1 }).swipe === 1,
    "a state is not changed": state.updated(first, { swipe: 0.1 }) !== first && first.swipe === 0.5,
  };
  for (const [law, holds] of Object.entries(laws)) if (!holds) broken.push([law]);
  return broken;
}
