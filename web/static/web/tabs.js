// Tabs that do not fit scroll: the one that is open is brought into view.

for (const open of document.querySelectorAll(".tabs [aria-current], .side-nav [aria-current]")) {
  const row = open.parentElement;
  row.scrollLeft = open.offsetLeft - row.offsetLeft - (row.clientWidth - open.offsetWidth) / 2;
}
