// The page of imports: what is dropped or chosen is sent at once, while the options are filled in;
// the form follows when all of it is there. Without this script the form takes one archive.

import { Unusable, filesOfDrop, filesOfFolder, placesIn, sourceOf } from "./chosen_files.js";
import { Refused, ResumableUpload, deleteUpload, forget, unfinished } from "./resumable.js";

const form = document.querySelector("[data-import]");
const find = (name) => form.querySelector(`[data-${name}]`);
const field = (name) => form.elements.namedItem(name);
const zone = find("zone");
const address = form.dataset.uploads;
const token = field("csrfmiddlewaretoken").value;
const FEW_DOCUMENTS = 4;
let upload = null;
let submitter = null;

for (const one of form.querySelectorAll("[data-scripts]")) one.hidden = false;
find("archive").closest("label").classList.add("is-button");
showUnfinished();

find("folder").addEventListener("change", (event) => take(() => filesOfFolder(event.target)));
find("archive").addEventListener("change", (event) =>
  take(() => [...event.target.files].map((file) => ({ path: file.name, file }))),
);
find("pause").addEventListener("click", () => (upload?.isPaused ? upload.goOn() : upload?.pause()));
find("remove").addEventListener("click", remove);
find("forget").addEventListener("click", async () => {
  const kept = unfinished(address);
  forget(address);
  find("unfinished").hidden = true;
  find("folder").focus();
  if (kept) await deleteUpload(kept.url, token);
});

let depth = 0; // dragging over a child leaves its parent, or so the browser says
for (const type of ["dragenter", "dragover", "dragleave", "drop"]) {
  // A file that misses the zone would be opened instead of the page.
  document.addEventListener(type, (event) => event.preventDefault());
}
document.addEventListener("dragenter", () => over(++depth));
document.addEventListener("dragleave", () => over(--depth));
document.addEventListener("drop", (event) => {
  over((depth = 0));
  // Read at once: what was dropped is gone after this event.
  const files = filesOfDrop(event.dataTransfer);
  take(() => files);
});

form.addEventListener("submit", (event) => {
  if (!upload || field("upload").value) return;
  event.preventDefault();
  submitter = event.submitter;
  waiting(submitter.value === "import" ? "The import begins when all is sent." : "The trial begins when all is sent.");
});

async function take(choose) {
  await remove();
  problem("");
  let source;
  try {
    zone.classList.add("is-busy");
    source = await sourceOf(await choose());
    const most = Number(form.dataset.most);
    if (source.size > most) throw new Unusable(`It has ${bytes(source.size)}; ${bytes(most)} are taken at once.`);
  } catch (error) {
    if (!(error instanceof Unusable || error instanceof DOMException)) throw error;
    problem(error instanceof Unusable ? error.message : "It could not be read. Choose it again.");
    return;
  } finally {
    zone.classList.remove("is-busy");
  }
  suggest(source.paths);
  await send(source);
}

async function send(source) {
  const mine = new ResumableUpload(source, {
    address,
    token,
    name: source.name,
    pieceBytes: Number(form.dataset.piece),
    onProgress: (sent, rate) => upload === mine && progress(sent, source.size, rate),
    onState: (state) => upload === mine && stateIs(state, source.size),
  });
  upload = mine;
  field("upload").value = "";
  find("unfinished").hidden = true;
  find("sending").hidden = false;
  find("name").textContent = source.shown;
  const left = source.leftOut ? `, ${source.leftOut} hidden file${source.leftOut > 1 ? "s" : ""} left out` : "";
  const count = source.paths ? `${source.paths.length.toLocaleString("en")} file${source.paths.length > 1 ? "s" : ""}, ` : "";
  find("size").textContent = `${count}${bytes(source.size)}${left}`;
  progress(0, source.size, null);
  try {
    const id = await mine.run();
    if (upload !== mine || id === null) return;
    field("upload").value = id;
    // It is there already: the form does not send it once more.
    find("archive").value = find("folder").value = "";
    if (submitter) form.requestSubmit(submitter);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (upload !== mine) return;
    await remove();
    problem(error.message);
  }
}

async function remove() {
  const was = upload;
  upload = submitter = null;
  field("upload").value = "";
  find("sending").hidden = true;
  find("sending").classList.remove("is-complete");
  waiting("");
  if (was) await was.remove();
}

function stateIs(state, size) {
  const words = {
    sending: "Sending",
    lost: "The connection is lost. It goes on by itself when it is back.",
    paused: "Paused",
    assembling: "All is sent; the service puts it together.",
    complete: `All ${bytes(size)} are there.`,
  };
  find("said").textContent = words[state];
  find("sending").dataset.state = state;
  find("sending").classList.toggle("is-complete", state === "complete");
  find("pause").textContent = state === "paused" ? "Go on" : "Pause";
  find("pause").hidden = state === "complete" || state === "assembling";
  if (state !== "sending") find("numbers").textContent = words[state];
  if (state === "complete") find("bar").value = 1;
}

function progress(sent, size, rate) {
  find("bar").value = size ? sent / size : 1;
  const percent = size ? Math.floor((100 * sent) / size) : 100;
  const pace = rate ? ` · ${bytes(rate)} a second, ${timeLeft((size - sent) / rate)}` : "";
  find("numbers").textContent = `${percent} % · ${bytes(sent)} of ${bytes(size)}${pace}`;
}

/** Say what was begun before: files cannot be read again before they are chosen again. */
async function showUnfinished() {
  const kept = unfinished(address);
  if (!kept) return;
  const answer = await fetch(kept.url, { cache: "no-store" }).catch(() => null);
  if (!answer) return;
  const body = answer.ok ? await answer.json() : null;
  if (!body || body.state === "failed") {
    forget(address);
    return;
  }
  if (upload) return;
  const name = kept.name.replace(/\.(zip|tar|tgz|tar\.gz)$/i, "");
  find("unfinished-text").textContent =
    `“${name}” was sent in part: ${bytes(body.received_bytes)} of ${bytes(body.size_bytes)}. Choose it again and it goes on from there.`;
  find("unfinished").hidden = false;
}

function suggest(paths) {
  const places = placesIn(paths ?? []);
  fill("import-paths", places.documents);
  fill("import-folders", places.folders);
  const photographs = field("images");
  // With a file for each image the labels lie in folders, and so do the photographs: the format knows where.
  const isOneFile = places.documents.length > 0 && places.documents.length <= FEW_DOCUMENTS;
  if (isOneFile && places.photographs && !photographs.value) {
    photographs.value = places.photographs;
    form.querySelector("#more").open = true;
  }
  if (isOneFile && places.documents.length > 1 && !field("path").value) form.querySelector("#more").open = true;
}

function fill(id, values) {
  document.getElementById(id).replaceChildren(...values.map((value) => new Option("", value)));
}

function over(count) {
  zone.classList.toggle("is-over", count > 0);
}

function problem(text) {
  find("problem").textContent = text;
  find("problem").hidden = !text;
}

function waiting(text) {
  find("waiting").textContent = text;
  find("waiting").hidden = !text;
}

function bytes(count) {
  for (const [size, unit] of [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]]) {
    if (count >= size) return `${(count / size).toFixed(1)} ${unit}`;
  }
  return `${Math.round(count)} bytes`;
}

function timeLeft(seconds) {
  if (seconds < 5) return "a moment left";
  if (seconds < 60) return `${Math.round(seconds)} seconds left`;
  if (seconds < 5400) return `${Math.max(1, Math.round(seconds / 60))} min left`;
  return `${Math.round(seconds / 3600)} hours left`;
}
