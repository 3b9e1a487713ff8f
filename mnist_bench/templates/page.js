"use strict";
const missing = "–";

function key(row, column) {
  const cell = row.cells[column], text = cell.textContent.trim();
  const number = parseFloat(cell.dataset.sort ?? text);
  return { number, text, none: cell.dataset.sort === "" || text === missing };
}

function compare(a, b, sign) {
  if (a.none || b.none) return a.none - b.none;
  if (isNaN(a.number) || isNaN(b.number)) {
    return sign * (isNaN(a.number) - isNaN(b.number) || a.text.localeCompare(b.text, "en", { numeric: true }));
  }
  return sign * (a.number - b.number || a.text.localeCompare(b.text, "en", { numeric: true }));
}

function sort(table, heading, column) {
  const falling = heading.getAttribute("aria-sort") === "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", falling ? "descending" : "ascending");
  const rows = Array.from(table.tBodies[0].rows, (row) => [key(row, column), row]);
  rows.sort((a, b) => compare(a[0], b[0], falling ? -1 : 1));
  table.tBodies[0].append(...rows.map((pair) => pair[1]));
}

for (const table of document.querySelectorAll("table.sortable")) {
  Array.from(table.tHead.rows[0].cells).forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    button.addEventListener("click", () => sort(table, heading, column));
    heading.append(button);
  });
}

const dialog = document.createElement("dialog");
dialog.setAttribute("aria-label", "The plot alone; Escape or a click closes it");
dialog.addEventListener("click", () => dialog.close());
document.body.append(dialog);

for (const image of document.querySelectorAll("figure img")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "enlarge";
  button.title = "Enlarge";
  image.replaceWith(button);
  button.append(image);
  button.addEventListener("click", () => {
    dialog.replaceChildren(image.cloneNode());
    dialog.showModal();
  });
}

for (const box of document.querySelectorAll(".copied")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    const pre = box.querySelector("pre");
    getSelection().selectAllChildren(pre);
    let copied = true;
    try {
      await navigator.clipboard.writeText(pre.textContent);
    } catch {
      copied = document.execCommand("copy");
    }
    button.textContent = copied ? "Copied" : "Selected";
  });
  box.append(button);
}
