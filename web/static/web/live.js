// Parts of a page that tell of work under way, and the number of one's own jobs in the bar.
//
// An element with data-live is asked for again (the page's own address, whose answer to a script is
// that element alone) until it comes without data-live. data-live is the state of the work: as long
// as it stays the same, questions get rarer; a page that nobody looks at asks nothing.

const FIRST_MS = 1000;
const MOVING_MS = 5000; // at most, while what is shown changes
const STILL_MS = 20000; // at most, while it does not
const BADGE_FIRST_MS = 1500; // pictures of the page go first
const BADGE_MS = 8000;
const BADGE_MOST_MS = 60000;
const BADGE_KEPT_MS = 10000;

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const seen = () =>
  document.hidden
    ? new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }))
    : Promise.resolve();

async function follow(part) {
  let delay = FIRST_MS;
  while (part.isConnected && part.dataset.live !== undefined) {
    await wait(delay);
    await seen();
    const answer = await ask(location.href, { "HX-Request": "true" });
    lost(part, answer === null);
    if (answer === null) {
      delay = Math.min(2 * delay, STILL_MS);
      continue;
    }
    // Signed out meanwhile, or the rights are gone: the page says so when it is loaded again.
    if (!answer.ok || answer.redirected) return;
    const next = elementOf(await answer.text(), part.id);
    if (!next) return;
    const isSame = shown(next) === shown(part);
    const isOther = next.dataset.live !== part.dataset.live;
    if (!isSame) part = replace(part, next);
    if (isOther) {
      say(part.dataset.say ?? "");
      delay = FIRST_MS;
    } else {
      delay = isSame ? Math.min(1.5 * delay, STILL_MS) : Math.min(1.15 * delay, MOVING_MS);
    }
  }
}

/** Resolves to null where the service is not reached, or is not well. */
async function ask(address, headers) {
  try {
    const answer = await fetch(address, { headers, credentials: "same-origin", cache: "no-store" });
    return answer.status >= 500 || answer.status === 429 ? null : answer;
  } catch {
    return null;
  }
}

function elementOf(html, id) {
  return new DOMParser().parseFromString(html, "text/html").getElementById(id);
}

/** What is in a part, without the form tokens, of which every answer has others. */
const shown = (part) =>
  part.outerHTML.replace(/(name="csrfmiddlewaretoken" value=")\w+| open=""| hidden=""/g, "$1");

/** Put the new part in the place of the old one; who had the keyboard there keeps it. */
function replace(part, next) {
  const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
  const folded = new Map([...part.querySelectorAll("details[id]")].map((one) => [one.id, one.open]));
  const node = document.adoptNode(next);
  for (const one of node.querySelectorAll("details[id]")) one.open = folded.get(one.id) ?? one.open;
  part.replaceWith(node);
  node.dispatchEvent(new CustomEvent("part-replaced", { bubbles: true }));
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  return node;
}

function lost(part, isLost) {
  const note = part.querySelector("[data-live-lost]");
  if (note) note.hidden = !isLost;
}

/** Tell those who do not see the page; a progress of every second is told to nobody. */
function say(text) {
  let line = document.getElementById("live-said");
  if (!line) {
    line = document.createElement("p");
    line.id = "live-said";
    line.className = "sr";
    line.setAttribute("role", "status");
    document.querySelector("main").append(line);
  }
  line.textContent = text;
}

async function count(badge) {
  const kept = JSON.parse(sessionStorage.getItem("tessera.jobs") ?? "null");
  if (kept?.user === badge.dataset.user) show(badge, kept.count);
  // Who walks from page to page does not ask on each of them.
  const age = kept?.user === badge.dataset.user ? Date.now() - kept.at : Infinity;
  await wait(age < BADGE_KEPT_MS ? BADGE_KEPT_MS - age : BADGE_FIRST_MS);
  for (let delay = BADGE_MS; ; delay = Math.min(1.5 * delay, BADGE_MOST_MS)) {
    await seen();
    const answer = await ask(badge.dataset.jobsBadge, {});
    if (answer && (!answer.ok || answer.redirected)) return;
    if (answer) {
      const { at_work: number } = await answer.json();
      sessionStorage.setItem("tessera.jobs", JSON.stringify({ user: badge.dataset.user, at: Date.now(), count: number }));
      show(badge, number);
      // Nothing runs: what is begun from now on is begun on a page that is loaded anew.
      if (!number) return;
    }
    await wait(delay);
  }
}

function show(badge, number) {
  badge.hidden = !number;
  badge.querySelector("[data-number]").textContent = number > 99 ? "99+" : number;
}

for (const part of document.querySelectorAll("[data-live]")) follow(part);
for (const badge of document.querySelectorAll("[data-jobs-badge]")) count(badge);
