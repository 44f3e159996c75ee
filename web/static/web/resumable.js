// A file on its way by the protocol tus: in pieces, over connections that break. The address of the
// upload is kept in the browser, so that it goes on after the page was closed.

const FIRST_WAIT_MS = 1000, LONGEST_WAIT_MS = 30000;
const RATE_SECONDS = 8;
const VERSION = { "Tus-Resumable": "1.0.0" };

/** The service refuses; `message` says why, for people. */
export class Refused extends Error {}

export class ResumableUpload {
  /**
   * @param {{size: number, fingerprint: string, slice: (start: number, end: number) => Promise<Blob>}} source
   * @param {{address: string, token: string, name: string, pieceBytes: number,
   *     onProgress: (sent: number, rate: number|null) => void,
   *     onState: (state: "sending"|"lost"|"paused"|"assembling"|"complete") => void}} options
   */
  constructor(source, options) {
    this.source = source;
    this.options = options;
    this.url = "";
    this.sent = 0;
    this.isPaused = this.isGone = false;
    this.request = null;
    this.marks = [];
  }

  /** Send what is missing; resolves to the upload's id once it is one file, to null if removed. */
  async run() {
    let wait = FIRST_WAIT_MS;
    await this.find();
    while (!this.isGone) {
      if (this.isPaused) await this.unpaused();
      try {
        if (!this.url) await this.begin();
        this.options.onState("sending");
        while (this.sent < this.source.size && !this.isPaused && !this.isGone) {
          await this.sendPiece();
          wait = FIRST_WAIT_MS;
        }
        if (this.isPaused || this.isGone) continue;
        return await this.completed();
      } catch (error) {
        if (this.isPaused || this.isGone) continue;
        if (!(error instanceof Broken)) throw error;
        this.options.onState("lost");
        await Promise.race([sleep(wait), online(), this.removed()]);
        wait = Math.min(2 * wait, LONGEST_WAIT_MS);
        await this.ask();
      }
    }
    return null;
  }

  pause() {
    this.isPaused = true;
    this.request?.abort();
    this.options.onState("paused");
  }

  goOn() {
    this.isPaused = false;
    this.marks = [];
    this.wake?.();
  }

  /** Forget the upload here and there. */
  async remove() {
    this.isGone = true;
    this.request?.abort();
    this.wake?.();
    const url = this.url;
    forget(this.options.address);
    if (url) await deleteUpload(url, this.options.token);
  }

  /** Take up an upload of the same files that was begun before. */
  async find() {
    const kept = unfinished(this.options.address);
    if (!kept || kept.fingerprint !== (digest(this.source.fingerprint))) return;
    this.url = kept.url;
    await this.ask();
  }

  /** Ask how much is there; an upload that is not there any more is begun anew. */
  async ask() {
    if (!this.url) return;
    let answer;
    try {
      answer = await fetch(this.url, { headers: VERSION, cache: "no-store" });
    } catch {
      return; // still lost: the next piece says so again
    }
    if (answer.status === 404 || answer.status === 410) return this.restart();
    if (!answer.ok) return;
    const body = await answer.json();
    if (body.state === "failed" || body.size_bytes !== this.source.size) return this.restart();
    this.sent = body.received_bytes;
    this.tell(0);
  }

  restart() {
    this.url = "";
    this.sent = 0;
  }

  async begin() {
    const { address, token, name } = this.options;
    const metadata = `filename ${btoa(String.fromCharCode(...new TextEncoder().encode(name.slice(0, 100))))}`;
    const headers = { ...VERSION, "X-CSRFToken": token, "Upload-Length": this.source.size, "Upload-Metadata": metadata };
    const answer = await reach(address, { method: "POST", headers });
    if (answer.status !== 201) throw await refusal(answer.status, await answer.text());
    this.url = answer.headers.get("Location");
    this.sent = 0;
    remember(address, { url: this.url, name, size: this.source.size, fingerprint: digest(this.source.fingerprint) });
  }

  async sendPiece() {
    const end = Math.min(this.sent + this.options.pieceBytes, this.source.size);
    let piece;
    try {
      piece = await this.source.slice(this.sent, end);
    } catch {
      throw new Refused("A file cannot be read: it was changed or moved since it was chosen. Choose the folder again.");
    }
    const { status, offset, text } = await this.patch(piece);
    if (status === 204) this.sent = offset;
    else if (status === 409 || status === 423) await this.ask(); // another page sends the same
    else if (status === 404 || status === 410) {
      this.restart();
      throw new Broken();
    } else if (status === 0 || status === 429 || status >= 500) throw new Broken();
    else throw await refusal(status, text);
    this.tell(0);
  }

  patch(piece) {
    // Not by fetch, which does not tell how much of a body is sent.
    const request = (this.request = new XMLHttpRequest());
    return new Promise((resolve) => {
      request.open("PATCH", this.url);
      const headers = { ...VERSION, "Upload-Offset": this.sent, "X-CSRFToken": this.options.token };
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      request.setRequestHeader("Content-Type", "application/offset+octet-stream");
      request.upload.onprogress = (event) => this.tell(Math.min(event.loaded, piece.size));
      request.onloadend = () =>
        resolve({ status: request.status, offset: Number(request.getResponseHeader("Upload-Offset")), text: request.responseText });
      request.send(piece);
    });
  }

  /** Large files are put together by a job: wait for it. */
  async completed() {
    for (let delay = 500; !this.isGone; delay = Math.min(1.5 * delay, 10000)) {
      const answer = await reach(this.url, { headers: VERSION, cache: "no-store" });
      if (answer.status >= 400) throw await refusal(answer.status, await answer.text());
      const body = await answer.json();
      if (body.state === "complete") {
        forget(this.options.address);
        this.options.onState("complete");
        return body.id;
      }
      if (body.state === "failed") throw new Refused(`The service could not take the file: ${body.problem}. Send it again.`);
      this.options.onState("assembling");
      await sleep(delay);
    }
    return null;
  }

  tell(more) {
    const now = performance.now() / 1000;
    const sent = this.sent + more;
    this.marks = [...this.marks.filter((mark) => now - mark.at < RATE_SECONDS && mark.sent <= sent), { at: now, sent }];
    const [first] = this.marks;
    const rate = now - first.at >= 0.5 ? (sent - first.sent) / (now - first.at) : null;
    this.options.onProgress(sent, rate);
  }

  unpaused() {
    return new Promise((resolve) => (this.wake = resolve));
  }

  removed() {
    return new Promise((resolve) => (this.wake = resolve));
  }
}

/** What was begun here and is not finished: {url, name, size, fingerprint}, or null. */
export function unfinished(address) {
  try {
    return JSON.parse(localStorage.getItem(keyOf(address)));
  } catch {
    return null;
  }
}

export function forget(address) {
  localStorage.removeItem(keyOf(address));
}

/** Delete an upload there; one that is not reached expires by itself. */
export async function deleteUpload(url, token) {
  await fetch(url, { method: "DELETE", headers: { ...VERSION, "X-CSRFToken": token } }).catch(() => null);
}

const remember = (address, value) => localStorage.setItem(keyOf(address), JSON.stringify(value));
const keyOf = (address) => `tessera.upload:${address}`;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const online = () => new Promise((resolve) => addEventListener("online", resolve, { once: true }));

/** The connection broke, or the service is not well: worth another try. */
class Broken extends Error {}

async function reach(address, options) {
  let answer;
  try {
    answer = await fetch(address, options);
  } catch {
    throw new Broken();
  }
  if (answer.status === 429 || answer.status >= 500) throw new Broken();
  return answer;
}

async function refusal(status, text) {
  try {
    const body = JSON.parse(text);
    return new Refused(body.detail || body.title);
  } catch {
    return new Refused(`The service answered ${status}.`);
  }
}

/** Short, and the same for the same files; no secret is kept by it. */
function digest(text) {
  let one = 0x811c9dc5, other = 0x1b873593;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    one = Math.imul(one ^ unit, 0x01000193);
    other = Math.imul((other << 13 | other >>> 19) ^ unit, 5) + 0xe6546b64 | 0;
  }
  return `${(one >>> 0).toString(16)}-${(other >>> 0).toString(16)}-${text.length}`;
}
