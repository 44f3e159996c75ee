// The grid of images. Only what is seen is in the page: rows have one height, so the list is as
// long as all of its images, and their windows are fetched when they come near.

import { CellStore } from "./grid_cells.js";

const MOST_PIXELS = 12e6; // browsers draw no higher element
const AHEAD_ROWS = 3;
const list = document.getElementById("grid");
const form = document.querySelector("[data-filter]");
const find = (name) => document.querySelector(`[data-${name}]`);

function showAddress(changes = {}) {
  const query = new URLSearchParams(form.dataset.address);
  for (const [name, value] of Object.entries(changes)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  form.dataset.address = query.toString();
  const search = query.toString().replaceAll("%3A", ":").replaceAll("%2F", "/");
  history.replaceState(history.state, "", `${location.pathname}${search ? `?${search}` : ""}`);
}

class Grid {
  constructor() {
    this.store = new CellStore(list, () => this.draw());
    this.focused = this.store.start;
    this.measure();
    if (this.store.start) this.beginAt(this.store.start);
    this.draw();
    addEventListener("scroll", () => this.onScroll(), { passive: true });
    new ResizeObserver(() => this.resize()).observe(list.parentElement);
    list.addEventListener("keydown", (event) => this.onKey(event));
    list.addEventListener("focusin", (event) => {
      this.focused = Number(event.target.closest("li")?.dataset.at ?? this.focused);
    });
    document.addEventListener("keydown", (event) => this.enter(event));
  }

  // The page must be as long as the list before it can be scrolled there.
  beginAt(at) {
    const above = Math.floor(at / this.columns) * this.rowHeight;
    list.style.paddingTop = `${above}px`;
    list.style.paddingBottom = `${Math.max(0, this.rows * this.rowHeight - above)}px`;
    scrollTo(0, this.top + above - this.barHeight);
  }

  get top() {
    return list.getBoundingClientRect().top + scrollY;
  }

  get barHeight() {
    return getComputedStyle(form).position === "sticky" ? form.offsetHeight + 12 : 0;
  }

  get rows() {
    const most = Math.floor(MOST_PIXELS / this.rowHeight);
    return Math.min(Math.ceil(this.store.count / this.columns), most);
  }

  measure() {
    const style = getComputedStyle(list);
    this.columns = Math.max(1, style.gridTemplateColumns.split(" ").length);
    const cell = list.querySelector(".cell");
    if (cell) this.rowHeight = cell.getBoundingClientRect().height + Number.parseFloat(style.rowGap);
    else this.rowHeight ??= 260;
  }

  // What is at the top stays there when the columns become others.
  resize() {
    const { columns, rowHeight } = this;
    const first = this.firstSeen();
    this.measure();
    if (columns === this.columns && Math.abs(rowHeight - this.rowHeight) < 0.5) return;
    this.draw();
    if (first >= columns) scrollTo(0, this.top + Math.floor(first / this.columns) * this.rowHeight - this.barHeight);
    this.draw();
  }

  firstSeen() {
    const above = this.barHeight - list.getBoundingClientRect().top;
    return Math.max(0, Math.round(above / this.rowHeight)) * this.columns;
  }

  draw() {
    const above = -list.getBoundingClientRect().top;
    const rows = this.rows;
    const firstRow = Math.min(Math.max(0, Math.floor(above / this.rowHeight) - AHEAD_ROWS), Math.max(0, rows - 1));
    const endRow = Math.min(rows, Math.ceil((above + innerHeight) / this.rowHeight) + AHEAD_ROWS);
    const first = firstRow * this.columns;
    const end = Math.min(Math.max(endRow, firstRow) * this.columns, this.store.count);
    this.fill(first, end);
    list.style.paddingTop = `${firstRow * this.rowHeight}px`;
    const below = rows - Math.ceil(end / this.columns);
    list.style.paddingBottom = `${Math.max(0, below) * this.rowHeight}px`;
    this.store.want(first, end);
    this.tellPlace();
  }

  fill(first, end) {
    const wanted = new Map();
    for (let at = first; at < end; at += 1) wanted.set(this.store.cell(at), at);
    const held = document.activeElement?.closest?.(".cell");
    for (const cell of [...list.children]) if (!wanted.has(cell)) cell.remove();
    let next = list.firstElementChild;
    for (const [cell, at] of wanted) {
      cell.dataset.at = at;
      if (cell === next) next = next.nextElementSibling;
      else list.insertBefore(cell, next);
    }
    // A cell that came in the place of one that waited has its focus.
    if (held && !held.isConnected && document.activeElement === document.body) this.focus(this.focused, false);
  }

  tellPlace() {
    const first = this.firstSeen();
    const seen = Math.max(1, Math.floor((innerHeight - this.barHeight) / this.rowHeight)) * this.columns;
    const last = Math.min(first + seen, this.store.count);
    const number = (value) => value.toLocaleString("en");
    const { found, place } = this.store.told({ first, last, number });
    find("place").textContent = place;
    const more = find("more");
    more.hidden = !found && !this.store.isStuck;
    more.querySelector("p").textContent = found;
    more.querySelector("button").hidden = !this.store.isStuck;
  }

  onScroll() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
    clearTimeout(this.told);
    this.told = setTimeout(() => {
      if (this.store.isPlaced) showAddress({ from: String(this.firstSeen() || "") });
    }, 250);
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = Number(event.target.closest("li")?.dataset.at ?? this.focused);
    const page = this.columns * Math.max(1, Math.floor((innerHeight - this.barHeight) / this.rowHeight));
    const last = Math.min(this.store.count, this.rows * this.columns) - 1;
    const to = {
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      ArrowUp: at - this.columns,
      ArrowDown: at + this.columns,
      PageUp: at - page,
      PageDown: at + page,
      Home: 0,
      End: last,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const isSideways = ["ArrowUp", "ArrowDown"].includes(event.key);
    if (isSideways && (to < 0 || to > last)) return;
    this.focus(Math.min(Math.max(to, 0), last));
  }

  // An arrow begins at the first image that is seen, wherever the focus was on the page.
  enter(event) {
    if (!event.key.startsWith("Arrow") || document.activeElement !== document.body) return;
    if (document.querySelector("dialog[open]") || !this.store.count) return;
    event.preventDefault();
    const seen = this.firstSeen();
    this.focus(seen < this.store.count ? seen : 0);
  }

  async focus(at, isScrolled = true) {
    this.focused = at;
    if (isScrolled) this.bringIntoSight(at);
    this.draw();
    await this.store.ready(at);
    if (this.focused !== at) return;
    this.draw();
    list.querySelector(`[data-at="${at}"] a`)?.focus({ preventScroll: true });
  }

  bringIntoSight(at) {
    const top = this.top + Math.floor(at / this.columns) * this.rowHeight;
    const bottom = top + this.rowHeight;
    if (top - this.barHeight < scrollY) scrollTo(0, top - this.barHeight);
    else if (bottom > scrollY + innerHeight) scrollTo(0, bottom - innerHeight + 8);
  }

  show(layer) {
    this.store.show(layer);
    for (const link of document.querySelectorAll("[data-layer]")) {
      if (link.dataset.layer === layer) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    form.elements.show.value = layer;
    showAddress({ show: layer === "overlay" ? "" : layer });
  }

  size(size) {
    list.className = `grid-cells size-${size}`;
    this.resize();
    showAddress({ size: size === "3" ? "" : size });
  }
}

for (const field of form.querySelectorAll("[data-wrong-start]")) {
  field.focus();
  field.setSelectionRange(Number(field.dataset.wrongStart), Number(field.dataset.wrongEnd));
}
if (list) {
  history.scrollRestoration = "manual";
  for (const link of find("pager").querySelectorAll("a")) link.hidden = link.rel === "next" || list.dataset.total !== undefined;
  const nothing = find("nothing");
  if (nothing) nothing.hidden = true;
  const grid = new Grid();
  for (const link of document.querySelectorAll("[data-layer]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      grid.show(link.dataset.layer);
    });
  }
  form.elements.size.addEventListener("input", (event) => grid.size(event.target.value));
  find("more").querySelector("button").addEventListener("click", () => grid.store.lookFarther());
}
if (!form.querySelector("[aria-invalid]") && !new URLSearchParams(location.search).has("cursor")) {
  showAddress({ from: new URLSearchParams(location.search).get("from") });
}
