const SIDE = 280, PEN = 20, STEP = 10;

async function start(root) {
  const find = (name) => root.querySelector(`.${name}`);
  const paper = find("paper"), seen = find("seen"), verdict = find("verdict"), marker = find("marker");
  const ink = paper.getContext("2d", { willReadFrequently: true }), eye = seen.getContext("2d");
  const bars = Array.from(root.querySelectorAll(".bars li"));
  const net = await unpack(JSON.parse(find("net").textContent));
  const { rows, columns, names } = net, inColour = net.channels > 1;
  const pen = { x: SIDE / 2, y: SIDE / 2, down: false };
  let planned = false;

  function show() {
    planned = false;
    const pixels = ink.getImageData(0, 0, SIDE, SIDE).data;
    const grey = new Float64Array(SIDE * SIDE).map((_, i) => pixels[4 * i + 3]); // how opaque the ink is
    const picture = prepared(net, grey, SIDE, SIDE);
    const image = eye.createImageData(columns, rows);
    for (let i = 0; i < rows * columns; i++) {
      const red = picture ? picture[i] : 0, others = inColour ? 0 : red;
      image.data.set([red, others, others, 255], 4 * i);
    }
    eye.putImageData(image, 0, 0);
    const found = picture && probabilities(net, picture);
    const order = found && found.map((_, label) => label).sort((a, b) => found[b] - found[a]);
    bars.forEach((bar, place) => {
      const label = bars.length === names.length ? place : found ? order[place] : -1; // else the most probable ones
      bar.querySelector("em").textContent = label < 0 ? "–" : names[label];
      const share = found ? found[label] : 0;
      bar.classList.toggle("first", Boolean(found) && label === order[0]);
      bar.querySelector("i").style.width = `${100 * share}%`;
      bar.querySelector("b").textContent = found ? percent(share) : "–";
    });
    verdict.classList.toggle("waiting", !found);
    verdict.textContent = found ? names[order[0]] : verdict.dataset.empty;
  }

  function plan() {
    if (!planned) requestAnimationFrame(show);
    planned = true;
  }

  function stroke(x, y) {
    ink.lineWidth = PEN;
    ink.lineCap = ink.lineJoin = "round";
    ink.beginPath();
    ink.moveTo(pen.x, pen.y);
    ink.lineTo(x, y);
    ink.stroke();
    plan();
  }

  function move(x, y) {
    if (pen.down) stroke(x, y);
    [pen.x, pen.y] = [x, y];
    marker.style.left = `${(100 * x) / SIDE}%`;
    marker.style.top = `${(100 * y) / SIDE}%`;
  }

  function clear() {
    ink.clearRect(0, 0, SIDE, SIDE);
    pen.down = false;
    root.classList.remove("writing");
    plan();
  }

  function put(down) {
    pen.down = down;
    if (down) stroke(pen.x, pen.y);
  }

  function place(event) {
    const box = paper.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
  }

  paper.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    paper.setPointerCapture(event.pointerId);
    pen.down = false;
    move(...place(event));
    put(true);
  });
  paper.addEventListener("pointermove", (event) => {
    if (!event.buttons) return;
    const all = event.getCoalescedEvents?.() ?? [];
    for (const part of all.length ? all : [event]) move(...place(part));
  });
  for (const name of ["pointerup", "pointercancel"]) paper.addEventListener(name, () => put(false));

  const arrows = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
  paper.addEventListener("keydown", (event) => {
    if (event.key in arrows) {
      const inside = (at) => Math.min(Math.max(at, 0), SIDE);
      move(inside(pen.x + arrows[event.key][0]), inside(pen.y + arrows[event.key][1]));
    } else if (event.key === " ") {
      put(!pen.down);
      root.classList.toggle("writing", pen.down);
    } else {
      return;
    }
    event.preventDefault();
  });
  root.addEventListener("keydown", (event) => {
    if (["Escape", "Delete", "Backspace"].includes(event.key)) clear();
  });
  find("clear").addEventListener("click", () => {
    clear();
    paper.focus();
  });
  move(pen.x, pen.y);
  show();
  root.dataset.ready = "";
}

function percent(share) {
  return `${(100 * share).toFixed(1)}%`;
}

for (const root of document.querySelectorAll(".drawing")) start(root);
