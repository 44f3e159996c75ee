// The list of changes beside the picture: which row is chosen, which are shown, and the rows that
// the server sends only when they are needed.

// Rows stand in groups, of which browsers lay out those in sight alone: in one group of thousands,
// every step through them would take the time of all.
const GROUP = 50;

/** @typedef {{number: number, kind: string, box: number[], text: string}} Chosen */

export class ChangeList {
  /**
   * @param {HTMLElement} pane
   * @param {{onChoose: (change: Chosen|null, stays: boolean) => void, onHover: (number: number) => void,
   *     onList: () => void}} hears
   */
  constructor(pane, hears) {
    this.pane = pane;
    this.hears = hears;
    this.count = Number(pane.dataset.count);
    this.table = pane.querySelector("table");
    this.kinds = new Set();
    this.row = null; // the chosen one
    this.stop = null; // the one that the Tab key reaches
    this.lit = new Set();
    this.loading = null;
    this.rows = [];
    this.bySegment = new Map();
    if (!this.table) return;
    this.row = this.table.querySelector("tr[aria-current]");
    this.take([...this.table.tBodies[0].rows]);
    this.listen();
  }

  /** The number of the chosen change, 0 for none. */
  get chosen() {
    return this.row ? Number(this.row.dataset.change) : 0;
  }

  get isWhole() {
    return this.rows.length >= this.count;
  }

  /** Choose a change by number, 0 for none; its row comes into sight. With `stays`, nothing else. */
  async choose(number, { focus = false, stays = false } = {}) {
    await this.loadUntil(number);
    const row = this.rows[number - 1] ?? null;
    this.row?.removeAttribute("aria-current");
    this.row = row;
    if (row) {
      // A link may name a change of a kind that is not listed now.
      if (row.hidden) this.list(new Set());
      row.setAttribute("aria-current", "true");
      row.scrollIntoView({ block: "nearest" });
      this.settle(row);
      if (focus) linkOf(row).focus({ preventScroll: true });
    }
    this.hears.onChoose(row ? told(row) : null, stays);
  }

  /** Go on to the next (1) or the previous (-1) row that is shown. */
  async step(by) {
    if (!this.table) return;
    let next = this.beside(this.row, by);
    if (!next && by > 0 && !this.isWhole) {
      await this.loadUntil(this.rows.length + 1);
      next = this.beside(this.row, by);
    }
    const row = next ?? this.row;
    if (!row) return;
    const inside = document.activeElement === document.body || this.pane.contains(document.activeElement);
    await this.choose(Number(row.dataset.change), { focus: inside });
  }

  /** The first row that is shown after (1) or before (-1) one; without one, from the end. */
  beside(row, by) {
    let at = row ? this.rows.indexOf(row) : by > 0 ? -1 : this.rows.length;
    do at += by;
    while (this.rows[at]?.hidden);
    return this.rows[at] ?? null;
  }

  /** Light the rows of the segments under the cursor, ids or 0 of either side. */
  light(segments, { scroll = false } = {}) {
    const rows = new Set(
      Object.entries(segments).flatMap(([side, id]) => (id && this.bySegment.get(`${side} ${id}`)) || []),
    );
    const fresh = [...rows].filter((row) => !this.lit.has(row));
    for (const row of this.lit) if (!rows.has(row)) row.classList.remove("is-hovered");
    for (const row of fresh) row.classList.add("is-hovered");
    if (scroll) fresh[0]?.scrollIntoView({ block: "nearest" });
    this.lit = rows;
  }

  /** List changes of these kinds alone; none of them: all. */
  async list(kinds) {
    const known = [...this.pane.querySelectorAll("button[data-kind]")];
    this.kinds = new Set(known.map((chip) => chip.dataset.kind).filter((kind) => kinds.has(kind)));
    for (const chip of known) chip.setAttribute("aria-pressed", this.kinds.has(chip.dataset.kind));
    this.sift(this.rows);
    this.hears.onList();
    if (this.kinds.size) await this.loadUntil(this.count);
  }

  toggle(kind) {
    const kinds = new Set(this.kinds);
    if (!kinds.delete(kind)) kinds.add(kind);
    return this.list(kinds);
  }

  /** Load rows until this one is there; those that cannot be had are told of in the list. */
  async loadUntil(number) {
    while (this.rows.length < Math.min(number, this.count)) {
      this.loading ??= this.load(number).finally(() => (this.loading = null));
      if (!(await this.loading)) return;
    }
  }

  async load(number) {
    this.say("Loading more changes …");
    try {
      const answer = await fetch(`${this.pane.dataset.more}${this.rows.length}&until=${number}`);
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      const holder = document.createElement("template");
      holder.innerHTML = await answer.text();
      const rows = [...holder.content.children];
      if (!rows.length) throw new Error("there are none");
      this.put(rows);
      this.take(rows);
      this.say("");
      return true;
    } catch (error) {
      this.say(`The next changes could not be loaded: ${error.message}. Reload the page to try again.`);
      return false;
    }
  }

  say(text) {
    const note = this.pane.querySelector("[data-more-state]");
    note.textContent = text;
    note.hidden = !text;
  }

  put(rows) {
    for (let at = 0; at < rows.length; at += GROUP) {
      const group = this.table.tBodies[0].cloneNode(false);
      group.append(...rows.slice(at, at + GROUP));
      this.table.append(group);
    }
  }

  // Rows that are new: where they are found, and whether they are listed.
  take(rows) {
    this.rows.push(...rows);
    for (const row of rows) {
      linkOf(row).tabIndex = -1;
      for (const side of ["old", "new"]) {
        for (const id of row.dataset[side].split(" ").filter(Boolean)) {
          const key = `${side} ${id}`;
          this.bySegment.set(key, [...(this.bySegment.get(key) ?? []), row]);
        }
      }
    }
    this.sift(rows);
    if (!this.stop) this.settle(rows[0]);
  }

  sift(rows) {
    for (const row of rows) row.hidden = this.kinds.size > 0 && !this.kinds.has(row.dataset.kind);
  }

  // One stop of the Tab key, and arrows within.
  settle(row) {
    if (this.stop) linkOf(this.stop).tabIndex = -1;
    this.stop = row;
    linkOf(row).tabIndex = 0;
  }

  listen() {
    this.table.addEventListener("click", (event) => {
      const row = event.target.closest(".change");
      if (!row || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.choose(Number(row.dataset.change), { focus: true });
    });
    this.table.addEventListener("pointerover", (event) => {
      this.hears.onHover(Number(event.target.closest(".change")?.dataset.change ?? 0));
    });
    this.table.addEventListener("pointerleave", () => this.hears.onHover(0));
    this.table.addEventListener("focusin", (event) => {
      const row = event.target.closest(".change");
      this.settle(row);
      this.hears.onHover(Number(row.dataset.change));
    });
    this.table.addEventListener("focusout", () => this.hears.onHover(0));
    this.table.addEventListener("keydown", (event) => {
      const row = event.target.closest(".change");
      const from = { ArrowDown: [row, 1], ArrowUp: [row, -1], Home: [null, 1], End: [null, -1] }[event.key];
      if (!from) return;
      event.preventDefault();
      const next = this.beside(...from);
      if (next) linkOf(next).focus();
    });
    for (const button of this.pane.querySelectorAll("[data-step]")) {
      button.disabled = false;
      button.addEventListener("click", () => this.step(Number(button.dataset.step)));
    }
    for (const chip of this.pane.querySelectorAll("button[data-kind]")) {
      chip.disabled = false;
      chip.addEventListener("click", () => this.toggle(chip.dataset.kind));
    }
    const scroll = this.pane.querySelector("[data-scroll]");
    scroll.addEventListener("scroll", () => {
      const left = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight;
      if (left < 2 * scroll.clientHeight && !this.isWhole) this.loadUntil(this.rows.length + 1);
    });
  }
}

function linkOf(row) {
  return row.querySelector("a");
}

/** @returns {Chosen} */
function told(row) {
  const [kind, what, area, iou] = [...row.cells].map((cell) => cell.textContent.replace(/[\s→]+/g, " ").trim());
  return {
    number: Number(row.dataset.change),
    kind: row.dataset.kind,
    box: row.dataset.box.split(",").map(Number),
    text: `${kind}: ${what}, area ${area}, IoU ${iou}`,
  };
}
