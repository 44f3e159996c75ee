// While somebody looks at an image, what the next one is drawn from is fetched: its pictures may
// be kept for ever, so that the next page finds them in the browser.

/** @param {HTMLAnchorElement|null} link to the page of the next image */
export async function fetchAhead(link) {
  if (!link || navigator.connection?.saveData) return;
  await new Promise((resolve) => (window.requestIdleCallback ?? setTimeout)(resolve));
  const address = new URL("viewer.json", new URL(link.pathname, location.origin));
  try {
    const answer = await fetch(address, { priority: "low" });
    if (!answer.ok) return;
    const { sides } = await answer.json();
    const pictures = Object.values(sides).flatMap((side) => (side ? [side.panoptic, side.photo] : []));
    for (const picture of new Set(pictures.filter(Boolean))) await fetch(picture, { priority: "low" });
  } catch (error) {
    // Offline, or on the way to another page: the next page loads what it needs itself.
    if (!(error instanceof TypeError) && error.name !== "AbortError") throw error;
  }
}
