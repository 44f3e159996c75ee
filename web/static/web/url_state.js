// The address of the page tells what is shown: it can be sent to somebody, who sees the same.
// Unknown names and values are left alone or ignored, so that an old or mistyped link opens.

const CARRIED = ["mode", "color", "only", "lines", "layer", "opacity", "light", "hide", "between", "kinds"];
const HERE = ["z", "c"];
// What a kind is when the sides are swapped.
const MIRRORED = { added: "removed", removed: "added", split: "merged", merged: "split" };

const number = (text) => (text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : undefined);
const numbers = (text) => text.split(",").map(number).filter((one) => one !== undefined);
const rounded = (value, digits) => String(Number(value.toFixed(digits)));

const READ = {
  mode: (text) => ({ mode: text }),
  color: (text) => ({ colorBy: text === "id" ? undefined : text }),
  only: (text) => ({ onlyChanges: text === "1" }),
  lines: (text) => ({ outlines: text === "1" }),
  layer: (text) => ({ layer: number(text) }),
  opacity: (text) => ({ opacity: number(text) }),
  light: (text) => ({ brightness: number(text) }),
  hide: (text) => ({ hidden: new Set(numbers(text)) }),
  between: (text) => ({ swipe: number(text), onion: number(text) }),
  z: (text) => ({ zoom: number(text) }),
  c: (text) => (numbers(text).length === 2 ? { center: numbers(text) } : {}),
};

const WRITE = {
  mode: (state) => state.mode,
  color: (state) => state.colorBy,
  only: (state) => String(Number(state.onlyChanges)),
  lines: (state) => String(Number(state.outlines)),
  layer: (state) => (state.layer === null ? "" : String(state.layer)),
  opacity: (state) => rounded(state.opacity, 2),
  light: (state) => rounded(state.brightness, 2),
  hide: (state) => [...state.hidden].sort((one, other) => one - other).join(","),
  between: (state) => rounded(state.mode === "onion" ? state.onion : state.swipe, 2),
  z: (state) => (state.zoom === null ? "" : String(Number(state.zoom.toPrecision(4)))),
  c: (state) => (state.center === null || state.zoom === null ? "" : state.center.map((one) => rounded(one, 1)).join(",")),
};

/**
 * What an address says.
 *
 * @param {string} search the query of the address
 * @returns {{shown: object, chosen: number, kinds: Set<string>}} parts of the viewer's state, the
 *     number of a change (0: none), and the kinds that are listed (none: all)
 */
export function readAddress(search) {
  const query = new URLSearchParams(search);
  const shown = {};
  for (const [name, read] of Object.entries(READ)) {
    if (!query.has(name)) continue;
    for (const [part, value] of Object.entries(read(query.get(name)))) {
      if (value !== undefined) shown[part] = value;
    }
  }
  const chosen = number(query.get("seg") ?? "") ?? 0;
  return {
    shown,
    chosen: Number.isInteger(chosen) && chosen > 0 ? chosen : 0,
    kinds: new Set((query.get("kinds") ?? "").split(",").filter(Boolean)),
  };
}

/**
 * The query that says what is shown; what is as at first is left out, what others put into it stays.
 *
 * @param {string} search the present query
 * @param {object} state the viewer's state
 * @param {object} first its state at first
 * @param {{chosen: number, kinds: Set<string>}} list
 */
export function writeAddress(search, state, first, list) {
  const query = new URLSearchParams(search);
  for (const [name, write] of Object.entries(WRITE)) put(query, name, write(state), write(first));
  put(query, "seg", list.chosen ? String(list.chosen) : "", "");
  put(query, "kinds", [...list.kinds].join(","), "");
  return asSearch(query);
}

/**
 * The query of a link to another image: how things are drawn stays, what is looked at does not.
 * With `isSwapped` it is the same image with its sides swapped: the place stays too.
 */
export function carriedTo(search, present, { isSwapped = false } = {}) {
  const query = new URLSearchParams(search);
  const here = new URLSearchParams(present);
  const names = isSwapped ? [...CARRIED, ...HERE] : CARRIED;
  for (const name of names) put(query, name, here.get(name) ?? "", "");
  if (isSwapped && query.has("kinds")) {
    const kinds = query.get("kinds").split(",");
    query.set("kinds", kinds.map((kind) => MIRRORED[kind] ?? kind).join(","));
  }
  return asSearch(query);
}

function put(query, name, value, usual) {
  if (value === "" || value === usual) query.delete(name);
  else query.set(name, value);
}

// Commas and colons may stand in a query, and read better so.
function asSearch(query) {
  const text = query.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
  return text ? `?${text}` : "";
}
