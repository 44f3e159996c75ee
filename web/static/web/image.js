// One image: the viewer, the table of segments beside it, the tools above it and the address of
// the page are kept telling the same.

import "./viewer/element.js";
import { fetchAhead } from "./fetch_ahead.js";
import { PixelLine } from "./pixel_line.js";
import { SegmentList } from "./segment_list.js";
import { ToolBar } from "./tool_bar.js";
import { carriedTo, readAddress, writeAddress } from "./url_state.js";

const ADDRESS_AFTER_MS = 120;
const find = (name) => document.querySelector(`[data-${name}]`);
const viewer = document.querySelector("panoptic-viewer");

const list = new SegmentList(find("list"), {
  onChoose: (segment) => desk?.look(segment),
  onHover: (id) => viewer?.update({ hovered: id ? { side: "new", id } : null }),
});
const desk = viewer ? makeDesk() : null;

function makeDesk() {
  const stage = find("stage");
  const problem = find("problem");
  const begun = readAddress(location.search);
  const first = viewer.state;
  let isRestored = false;
  const line = new PixelLine(find("pixel"));
  const bar = find("tools");
  const tools = new ToolBar(bar, {
    onChange: (changes) => apply(changes),
    onBlink: () => {},
    onFit: () => viewer.fit(),
  });

  function apply(changes) {
    viewer.update(changes);
    refresh();
  }

  function refresh() {
    tools.show(viewer.state);
    for (const button of bar.querySelectorAll("[data-color]")) {
      button.setAttribute("aria-pressed", button.dataset.color === viewer.state.colorBy);
    }
    clearTimeout(refresh.timer);
    refresh.timer = setTimeout(tellAddress, ADDRESS_AFTER_MS);
  }

  function tellAddress() {
    const search = writeAddress(location.search, viewer.state, first, { chosen: list.chosen, kinds: new Set() });
    history.replaceState(null, "", `${location.pathname}${search}`);
    for (const link of document.querySelectorAll("a[data-carry]")) link.search = carriedTo(link.search, search);
  }

  function look(segment) {
    viewer.update({ selectedSegment: segment ? { side: "new", id: segment.id } : null });
    if (segment && isRestored) viewer.fitBox(segment.box);
    find("said").textContent = segment ? `Segment ${segment.text}` : "";
    refresh();
  }

  async function start() {
    stage.classList.remove("is-failed");
    stage.classList.add("is-ready");
    problem.hidden = true;
    line.name(viewer.scene);
    tools.enable(viewer.modes);
    refresh();
    if (!isRestored) {
      const { zoom, center } = begun.shown;
      isRestored = zoom === undefined || center === undefined;
      if (begun.chosen) await list.choose(begun.chosen);
      isRestored = true;
    }
    fetchAhead(document.querySelector("a[rel=next]"));
  }

  viewer.addEventListener("viewer-ready", start);
  viewer.addEventListener("viewer-update", refresh);
  viewer.addEventListener("viewer-hover", ({ detail }) => {
    line.show(detail.x === null ? null : detail);
    find("pixel").querySelector('[data-side="old"]').hidden = true;
    list.light(detail.new);
  });
  viewer.addEventListener("viewer-select", ({ detail }) => list.choose(detail.id ?? 0));
  viewer.addEventListener("viewer-error", ({ detail }) => {
    stage.classList.add("is-ready", "is-failed");
    problem.querySelector("p").textContent = `${detail.message} The pictures above are drawn by the server.`;
    problem.hidden = false;
  });
  find("again").addEventListener("click", () => {
    stage.classList.remove("is-ready", "is-failed");
    problem.hidden = true;
    viewer.load();
  });
  for (const button of bar.querySelectorAll("[data-color]")) {
    button.addEventListener("click", () => apply({ colorBy: button.dataset.color }));
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && list.chosen && !document.querySelector("dialog[open]")) list.choose(0);
  });

  viewer.tabIndex = 0;
  viewer.setAttribute("role", "application");
  viewer.setAttribute("aria-label", viewer.dataset.label);
  viewer.update(begun.shown);
  tools.show(viewer.state);
  return { look };
}
