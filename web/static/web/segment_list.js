// The table of segments beside the picture: which row is chosen, and the rows that the server
// sends only when they are needed.

/** @typedef {{id: number, box: number[], text: string}} Segment */

export class SegmentList {
  /**
   * @param {HTMLElement} pane
   * @param {{onChoose: (segment: Segment|null) => void, onHover: (id: number) => void}} hears
   */
  constructor(pane, hears) {
    this.pane = pane;
    this.hears = hears;
    this.total = Number(pane.dataset.total);
    this.body = pane.querySelector(".segments tbody");
    this.rows = new Map();
    this.chosen = 0;
    if (!this.body) return;
    this.take();
    this.listen();
  }

  get count() {
    return this.body.rows.length;
  }

  /** Choose a segment by id, 0 for none; what is not listed yet is fetched. */
  async choose(id, { focus = false } = {}) {
    while (id && !this.rows.has(id) && (await this.load()));
    for (const row of this.body?.querySelectorAll("[aria-current]") ?? []) row.removeAttribute("aria-current");
    const row = this.rows.get(id);
    this.chosen = row ? id : 0;
    if (row) {
      row.setAttribute("aria-current", "true");
      row.scrollIntoView({ block: "nearest" });
      this.settle(row);
      if (focus) pickOf(row).focus({ preventScroll: true });
    }
    this.hears.onChoose(row ? told(row) : null);
  }

  async step(by) {
    if (!this.body) return;
    const at = this.chosen ? this.rows.get(this.chosen).sectionRowIndex : by > 0 ? -1 : this.count;
    if (at + by >= this.count) await this.load();
    const row = this.body.rows[Math.min(Math.max(at + by, 0), this.count - 1)];
    await this.choose(Number(row.dataset.segment), { focus: this.pane.contains(document.activeElement) });
  }

  /** Light the row of the segment under the cursor. */
  light(id) {
    const row = this.rows.get(id);
    if (row === this.lit) return;
    this.lit?.classList.remove("is-hovered");
    row?.classList.add("is-hovered");
    row?.scrollIntoView({ block: "nearest" });
    this.lit = row;
  }

  async load() {
    if (this.count >= this.total) return false;
    this.loading ??= this.fetch().finally(() => (this.loading = null));
    return this.loading;
  }

  async fetch() {
    try {
      const answer = await fetch(`${this.pane.dataset.more}${this.count}`);
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      const holder = document.createElement("template");
      holder.innerHTML = `<table><tbody>${await answer.text()}</tbody></table>`;
      const rows = [...holder.content.querySelectorAll("tr")];
      if (!rows.length) throw new Error("there are none");
      this.body.append(...rows);
      this.take();
      this.say(this.count < this.total ? `${this.count} of ${this.total} segments.` : "");
      return true;
    } catch (error) {
      this.say(`The next segments could not be loaded: ${error.message}. Reload the page to try again.`);
      return false;
    }
  }

  say(text) {
    const note = this.pane.querySelector("[data-more-state]");
    note.textContent = text;
    note.hidden = !text;
  }

  take() {
    const isFirst = !this.rows.size;
    for (const row of this.body.rows) {
      const id = Number(row.dataset.segment);
      if (this.rows.has(id)) continue;
      this.rows.set(id, row);
      pickOf(row).disabled = false;
      pickOf(row).tabIndex = -1;
    }
    if (isFirst) this.settle(this.body.rows[0]);
  }

  // One stop of the Tab key, and arrows within.
  settle(row) {
    if (!row) return;
    for (const pick of this.body.querySelectorAll('.pick[tabindex="0"]')) pick.tabIndex = -1;
    pickOf(row).tabIndex = 0;
  }

  listen() {
    const idAt = (event) => Number(event.target.closest("tr")?.dataset.segment ?? 0);
    this.body.addEventListener("click", (event) => this.choose(idAt(event), { focus: true }));
    this.body.addEventListener("pointerover", (event) => this.hears.onHover(idAt(event)));
    this.body.addEventListener("pointerleave", () => this.hears.onHover(0));
    this.body.addEventListener("focusin", (event) => this.hears.onHover(idAt(event)));
    this.body.addEventListener("focusout", () => this.hears.onHover(0));
    this.body.addEventListener("keydown", (event) => this.walk(event));
    for (const button of this.pane.querySelectorAll("[data-step]")) {
      button.disabled = false;
      button.addEventListener("click", () => this.step(Number(button.dataset.step)));
    }
    const scroll = this.pane.querySelector("[data-scroll]");
    scroll.addEventListener("scroll", () => {
      const end = this.body.getBoundingClientRect().bottom - scroll.getBoundingClientRect().bottom;
      if (end < 2 * scroll.clientHeight) this.load();
    });
  }

  walk(event) {
    const at = event.target.closest("tr")?.sectionRowIndex;
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: this.count - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const row = this.body.rows[Math.min(Math.max(to, 0), this.count - 1)];
    this.settle(row);
    pickOf(row).focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }
}

function pickOf(row) {
  return row.querySelector(".pick");
}

/** @returns {Segment} */
function told(row) {
  const text = [...row.cells].map((cell) => cell.textContent.replace(/\s+/g, " ").trim()).join(", ");
  return { id: Number(row.dataset.segment), box: row.dataset.box.split(",").map(Number), text };
}
