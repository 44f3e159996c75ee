// One image of a comparison: the viewer, the list of changes beside it, the tools above it and the
// address of the page are kept telling the same.

import "./viewer/element.js";
import { ChangeList } from "./change_list.js";
import { fetchAhead } from "./fetch_ahead.js";
import { PixelLine } from "./pixel_line.js";
import { ToolBar } from "./tool_bar.js";
import { carriedTo, readAddress, writeAddress } from "./url_state.js";

const ADDRESS_AFTER_MS = 120;

const find = (name) => document.querySelector(`[data-${name}]`);
const viewer = document.querySelector("panoptic-viewer");
const stage = find("stage");
const begun = readAddress(location.search);
const first = viewer.state;
let isRestored = false;

const line = new PixelLine(find("pixel"));
const tools = new ToolBar(find("tools"), {
  onChange: (changes) => apply(changes),
  onBlink: (held) => viewer.blink(held),
  onFit: () => {
    viewer.fit();
    refresh();
  },
});
const list = new ChangeList(find("list"), {
  onChoose: (change, stays) => look(change, stays),
  onHover: (number) => viewer.update({ hovered: number ? firstSegment(number) : null }),
  onList: () => refresh(),
});

function apply(changes) {
  viewer.update(changes);
  refresh();
}

// Everything that shows the state shows it as it is now.
function refresh() {
  tools.show(viewer.state);
  line.explain(viewer.state.mode);
  clearTimeout(refresh.timer);
  refresh.timer = setTimeout(tellAddress, ADDRESS_AFTER_MS);
}

function tellAddress() {
  const search = writeAddress(location.search, viewer.state, first, list);
  history.replaceState(null, "", `${location.pathname}${search}`);
  for (const link of document.querySelectorAll("a[data-carry]")) {
    link.search = carriedTo(link.search, search, { isSwapped: "swap" in link.dataset });
  }
}

// Somebody chose a change: the picture goes there, unless it was chosen there, and it is said.
function look(change, stays) {
  viewer.update({ selected: change ? change.number : null, selectedSegment: null });
  if (change && isRestored && !stays) viewer.fitBox(change.box);
  find("said").textContent = change ? `Change ${change.number} of ${list.count}. ${change.text}` : "";
  refresh();
}

function firstSegment(number) {
  const change = viewer.scene?.changes[number - 1];
  if (!change) return null;
  const side = change.new.length ? "new" : "old";
  return { side, id: change[side][0] };
}

viewer.addEventListener("viewer-hover", ({ detail }) => {
  line.show(detail.x === null ? null : detail);
  list.light({ old: detail.old, new: detail.new }, { scroll: true });
});
viewer.addEventListener("viewer-select", async ({ detail }) => {
  const segment = detail.id ? { side: detail.side, id: detail.id } : null;
  const number = detail.change ?? 0;
  await list.choose(number, { stays: true });
  viewer.update({ selected: number || null, selectedSegment: segment });
  if (number > list.count) find("said").textContent = `Change ${number} is too small for the list.`;
});
viewer.addEventListener("viewer-update", refresh);
viewer.addEventListener("viewer-error", ({ detail }) => {
  stage.classList.add("is-ready", "is-failed");
  const problem = find("problem");
  problem.querySelector("p").textContent = `${detail.message} The pictures above are drawn by the server.`;
  problem.hidden = false;
});
viewer.addEventListener("viewer-ready", start);
function start() {
  stage.classList.remove("is-failed");
  stage.classList.add("is-ready");
  find("problem").hidden = true;
  line.name(viewer.scene);
  tools.enable(viewer.modes);
  refresh();
  restore();
  fetchAhead(document.querySelector("a[rel=next]"));
}
find("again").addEventListener("click", () => {
  stage.classList.remove("is-ready", "is-failed");
  find("problem").hidden = true;
  viewer.load();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && list.chosen && !document.querySelector("dialog[open]")) list.choose(0);
});

// What the address said: once, when there is something to look at.
async function restore() {
  if (isRestored) return;
  const { zoom, center } = begun.shown;
  const isPlaced = zoom !== undefined && center !== undefined;
  isRestored = !isPlaced;
  if (begun.kinds.size) await list.list(begun.kinds);
  if (begun.chosen) await list.choose(begun.chosen);
  isRestored = true;
}

viewer.tabIndex = 0;
viewer.setAttribute("role", "application");
viewer.setAttribute("aria-label", viewer.dataset.label);
viewer.update(begun.shown);
tools.show(viewer.state);
