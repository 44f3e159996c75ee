// The cells of the grid: those that the server sent, and places for those that it has not yet.
//
// A whole version is known by place: any window of it can be fetched. What a filter finds comes
// one after the other; a filter that matches rarely is told how far it has looked.

const WINDOW = 60;
const MOST_WINDOWS = 60; // in memory; those far from the eye are forgotten
const ALONE = 12; // times in a row that nothing was found, before somebody is asked

export class CellStore {
  /** @param {HTMLElement} list of the server; @param {() => void} onChange */
  constructor(list, onChange) {
    this.onChange = onChange;
    this.cells = new Map();
    this.waiting = new Map();
    this.loading = new Map();
    this.layer = null;
    this.start = Number(list.dataset.start);
    this.isPlaced = list.dataset.total !== undefined;
    this.looked = Number(list.dataset.looked);
    this.next = list.dataset.next || null;
    this.inVain = 0;
    this.all = list.dataset.all;
    this.problem = "";
    const first = [...list.querySelectorAll(".cell")];
    first.forEach((cell, place) => this.cells.set(this.start + place, cell));
    this.count = this.isPlaced ? Number(list.dataset.total) : first.length;
  }

  /** Whether it goes on only when somebody asks. */
  get isStuck() {
    return Boolean(this.problem) || (this.next !== null && !this.isPlaced && this.inVain >= ALONE);
  }

  cell(at) {
    return this.cells.get(at) ?? this.placeholder(at);
  }

  placeholder(at) {
    if (!this.waiting.has(at)) {
      const cell = document.createElement("li");
      cell.className = "cell is-waiting";
      this.waiting.set(at, cell);
    }
    return this.waiting.get(at);
  }

  /** Fetch what is missing between two places, when nobody scrolled on meanwhile. */
  want(first, end) {
    this.wanted = [first, end];
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.fetchWanted(), this.loading.size ? 60 : 0);
  }

  fetchWanted() {
    if (this.problem) return;
    const [first, end] = this.wanted;
    if (!this.isPlaced) {
      if (end >= this.count && this.next !== null && !this.isStuck) this.load("next");
      return;
    }
    for (let start = Math.floor(first / WINDOW) * WINDOW; start < end; start += WINDOW) {
      const stop = Math.min(start + WINDOW, this.count);
      let isMissing = false;
      for (let at = start; at < stop; at += 1) isMissing ||= !this.cells.has(at);
      if (isMissing) this.load(start);
    }
  }

  /** Resolves when the cell of a place is there, or cannot be had. */
  async ready(at) {
    while (!this.cells.has(at) && at < this.count && !this.problem) {
      const start = this.isPlaced ? Math.floor(at / WINDOW) * WINDOW : "next";
      await this.load(start);
    }
  }

  lookFarther() {
    this.inVain = 0;
    this.problem = "";
    this.fetchWanted();
    this.onChange();
  }

  load(start) {
    if (!this.loading.has(start)) {
      const done = this.fetch(start).finally(() => this.loading.delete(start));
      this.loading.set(start, done);
      done.then(() => this.onChange());
    }
    return this.loading.get(start);
  }

  async fetch(start) {
    const query = new URLSearchParams(document.querySelector("[data-filter]").dataset.address);
    query.delete("from");
    if (start !== "next") query.set("from", start);
    else if (this.next !== null) query.set("cursor", this.next);
    query.set("part", "1");
    try {
      const answer = await fetch(`${location.pathname}?${query}`);
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      const holder = document.createElement("template");
      holder.innerHTML = await answer.text();
      const part = holder.content.firstElementChild;
      this.take(start === "next" ? this.count : start, part, start === "next");
    } catch (error) {
      this.problem = `More images could not be loaded: ${error.message}.`;
    }
  }

  take(start, part, isNext) {
    const cells = [...part.querySelectorAll(".cell")];
    cells.forEach((cell, place) => {
      this.cells.set(start + place, document.adoptNode(cell));
      this.waiting.delete(start + place);
    });
    if (this.layer) this.show(this.layer);
    if (isNext) {
      this.count += cells.length;
      this.next = part.dataset.next || null;
      this.looked += Number(part.dataset.looked);
      this.inVain = cells.length ? 0 : this.inVain + 1;
    } else {
      if (start + cells.length < Math.min(start + WINDOW, this.count)) {
        // A version never changes, so this is a server that does not know it any more.
        this.problem = "Some images did not come.";
      }
      this.forget();
    }
  }

  forget() {
    if (this.cells.size <= MOST_WINDOWS * WINDOW) return;
    const [first, end] = this.wanted;
    const far = (at) => Math.max(first - at, at - end);
    const kept = [...this.cells].sort(([one], [other]) => far(one) - far(other));
    this.cells = new Map(kept.slice(0, (MOST_WINDOWS * WINDOW) / 2));
    this.waiting.clear();
  }

  /** Show another layer of every picture. */
  show(layer) {
    this.layer = layer;
    for (const cell of this.cells.values()) {
      const picture = cell.querySelector("img");
      const address = picture?.src.replace(/([?&]layer=)\w+/, `$1${layer}`);
      if (picture && picture.src !== address) picture.src = address;
    }
  }

  /** What is said of the list: which images are seen, and how far a filter has looked. */
  told({ first, last, number }) {
    const range = this.count ? `${number(first + 1)}–${number(last)}` : "";
    if (this.isPlaced) return { place: `${range} of ${number(this.count)}`, found: this.problem };
    const all = this.next === null ? "" : " so far";
    const looked = `${number(this.count)} image${this.count === 1 ? "" : "s"} found${all}`;
    const place = range ? `${range} · ${looked}` : looked;
    if (this.problem) return { place, found: this.problem };
    if (this.next === null) return { place, found: this.count ? "" : "No image matches." };
    const looking = this.isStuck ? "" : " Looking farther…";
    return { place, found: `${number(this.looked)} of ${number(Number(this.all))} images of the version looked at.${looking}` };
  }
}
