// Pointers, wheel and keys of a viewer. A drag moves the image, two fingers zoom it, a wheel
// zooms at the pointer, a click chooses, a double click looks closer.

import { fitCamera, panBy, pinched, zoomAt } from "./camera.js";

const CLICK_PIXELS = 4; // whoever moves less than this clicks
const STEP_PIXELS = 60; // of an arrow key
const KEY_ZOOM = 1.25;
const LINE_PIXELS = 16; // a wheel that counts in lines
const WHEEL_SPEED = 0.0016;
const PINCH_SPEED = 0.01; // of touchpads, which say ctrl + wheel

/** Listen on the stage of a viewer; returns what stops it. */
export function listen(viewer, chrome) {
  const stop = new AbortController();
  const on = (target, name, act, options = {}) =>
    target.addEventListener(name, act, { ...options, signal: stop.signal });
  const pointers = new Map();
  let moved = 0;

  const inPane = (event) => {
    const bounds = chrome.canvas.getBoundingClientRect();
    const point = [event.clientX - bounds.left, event.clientY - bounds.top];
    const inside = (pane) =>
      point[0] >= pane.x && point[1] >= pane.y && point[0] < pane.x + pane.width && point[1] < pane.y + pane.height;
    const pane = viewer.panes.find(inside) ?? viewer.panes[0];
    return [point[0] - pane.x, point[1] - pane.y];
  };

  on(chrome.stage, "pointerdown", (event) => {
    if (!viewer.scene || event.button > 0 || chrome.isHandle(event)) return;
    if (!pointers.size) moved = 0;
    pointers.set(event.pointerId, inPane(event));
    chrome.stage.setPointerCapture(event.pointerId);
    viewer.focus({ preventScroll: true });
  });

  on(chrome.stage, "pointermove", (event) => {
    if (!viewer.scene) return;
    const before = pointers.get(event.pointerId);
    if (!before) {
      viewer.hover(viewer.pixelAt(event.clientX, event.clientY));
      return;
    }
    const point = inPane(event);
    const step = [point[0] - before[0], point[1] - before[1]];
    if (pointers.size === 2) {
      const [other] = [...pointers].filter(([id]) => id !== event.pointerId);
      viewer.look(pinched(viewer.camera, viewer.view, viewer.scene, [before, other[1]], [point, other[1]]));
      moved = CLICK_PIXELS;
    } else if (pointers.size === 1) {
      // Up to here it may be a click; then the image catches up with the pointer.
      if (moved < CLICK_PIXELS) moved = Math.hypot(...step);
      if (moved < CLICK_PIXELS) return;
      viewer.look(panBy(viewer.camera, step));
      chrome.stage.classList.add("is-dragged");
    }
    pointers.set(event.pointerId, point);
  });

  const lift = (event) => {
    if (!pointers.delete(event.pointerId)) return;
    chrome.stage.classList.remove("is-dragged");
    if (event.type === "pointerup" && moved < CLICK_PIXELS && !pointers.size) {
      viewer.select(viewer.pixelAt(event.clientX, event.clientY));
    }
  };
  on(chrome.stage, "pointerup", lift);
  on(chrome.stage, "pointercancel", lift);
  on(chrome.stage, "pointerleave", () => viewer.scene && viewer.hover(null));

  on(chrome.stage, "dblclick", (event) => {
    if (!viewer.scene || chrome.isHandle(event)) return;
    const found = viewer.pixelAt(event.clientX, event.clientY);
    const box = found?.[found.side] ? viewer.boxOf({ side: found.side, id: found[found.side] }) : null;
    if (box) viewer.fitBox(box);
    else viewer.fit();
  });

  on(
    chrome.stage,
    "wheel",
    (event) => {
      if (!viewer.scene) return;
      event.preventDefault();
      const pixels = event.deltaY * [1, LINE_PIXELS, viewer.view.height][event.deltaMode];
      const factor = Math.exp(-pixels * (event.ctrlKey ? PINCH_SPEED : WHEEL_SPEED));
      viewer.look(zoomAt(viewer.camera, viewer.view, viewer.scene, inPane(event), factor));
      viewer.hover(viewer.pixelAt(event.clientX, event.clientY));
    },
    { passive: false },
  );

  on(viewer, "keydown", (event) => {
    if (!viewer.scene || event.target !== viewer || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = keyActions(viewer, event.shiftKey ? 4 : 1)[event.key];
    if (!act) return;
    // The page may have keys of its own for these: here they are the viewer's.
    event.preventDefault();
    event.stopPropagation();
    act();
  });

  chrome.onHandle((changes) => viewer.change(changes), stop.signal);
  return () => stop.abort();
}

function keyActions(viewer, times) {
  const pan = (dx, dy) => () => viewer.look(panBy(viewer.camera, [dx * times * STEP_PIXELS, dy * times * STEP_PIXELS]));
  const zoom = (factor) => () => {
    const { view } = viewer;
    viewer.look(zoomAt(viewer.camera, view, viewer.scene, [view.width / 2, view.height / 2], factor));
  };
  const whole = () => viewer.look({ ...fitCamera(viewer.scene, viewer.view), ...viewer.camera, zoom: 1 });
  return {
    ArrowLeft: pan(1, 0),
    ArrowRight: pan(-1, 0),
    ArrowUp: pan(0, 1),
    ArrowDown: pan(0, -1),
    "+": zoom(KEY_ZOOM),
    "=": zoom(KEY_ZOOM),
    "-": zoom(1 / KEY_ZOOM),
    _: zoom(1 / KEY_ZOOM),
    0: () => viewer.fit(),
    ")": whole,
  };
}
