"use strict";
(() => {
  const trials = JSON.parse(document.getElementById("trials").textContent);
  const tip = document.getElementById("tip");
  const known = (number) => Object.hasOwn(trials, number);
  const make = (name, text, kind) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (kind) made.className = kind;
    return made;
  };
  let pins = pinsInAddress();
  let hot = null;

  const status = make("p", "", "unseen");
  status.setAttribute("role", "status");
  const panel = make("section");
  panel.id = "pinned";
  panel.setAttribute("aria-label", "Pinned trials");
  panel.hidden = true;
  document.body.append(status, panel);
  for (const hint of document.querySelectorAll(".keys.hint")) hint.hidden = false;

  // Trials in tables: the cell with the number becomes a button, the row a place to point at.

  for (const cell of document.querySelectorAll("table td")) {
    const text = cell.textContent.trim(), number = text.slice(1);
    const row = cell.parentElement;
    if (!/^#\d+$/.test(text) || !known(number) || row.dataset.trial) continue;
    row.dataset.trial = number;
    const button = make("button", text, "pin");
    button.type = "button";
    button.title = "Pin this trial";
    cell.replaceChildren(button);
  }

  for (const chart of document.querySelectorAll("svg[data-chart]")) {
    chart.setAttribute("role", "group");
    chart.setAttribute("aria-label", `${chart.getAttribute("aria-label")}. Arrow keys move between trials, Enter pins one.`);
    const marks = inOrder(chart);
    marks.forEach((mark, index) => {
      mark.setAttribute("role", "button");
      mark.setAttribute("tabindex", index ? "-1" : "0");
    });
  }

  function inOrder(chart) {
    return Array.from(chart.querySelectorAll("g.trial")).sort((a, b) => a.dataset.trial - b.dataset.trial);
  }

  function all(number) {
    return document.querySelectorAll(`[data-trial="${number}"]`);
  }

  // Pins stand in the address, so that a page that is loaded again has them, and a link to it, too.

  function pinsInAddress() {
    const found = /(?:^#|&)pins=([\d,]+)/.exec(location.hash);
    return found ? found[1].split(",").filter(known).slice(0, 2) : [];
  }

  function toggle(number) {
    const wasPinned = pins.includes(number);
    pins = wasPinned ? pins.filter((each) => each !== number) : [...pins, number].slice(-2);
    drawPins();
    const differing = pins.length === 2 ? `; ${differences().length} settings differ` : "";
    status.textContent = `Trial ${number} ${wasPinned ? "unpinned" : "pinned"}${differing}`;
  }

  function drawPins() {
    const address = pins.length ? `#pins=${pins.join(",")}` : location.pathname + location.search;
    try {
      history.replaceState(null, "", address);
    } catch {
      location.hash = pins.length ? `pins=${pins.join(",")}` : "";
    }
    for (const each of document.querySelectorAll("[data-trial]")) {
      const place = pins.indexOf(each.dataset.trial);
      each.classList.toggle("pin0", place === 0);
      each.classList.toggle("pin1", place === 1);
      const button = each.matches("g") ? each : each.querySelector(".pin");
      if (button) button.setAttribute("aria-pressed", place >= 0);
      if (each.matches("g")) label(each, place >= 0);
    }
    drawPanel();
  }

  function label(mark, wanted) {
    for (const old of mark.querySelectorAll("text")) old.remove();
    if (!wanted) return;
    const dot = mark.querySelector(".dot"), x = Number(dot.getAttribute("cx"));
    const text = document.createElementNS("http://www.w3.org/2000/svg", "text");
    text.textContent = `#${mark.dataset.trial}`;
    text.setAttribute("x", x > 400 ? x - 8 : x + 8);
    text.setAttribute("y", Number(dot.getAttribute("cy")) - 7);
    text.setAttribute("text-anchor", x > 400 ? "end" : "start");
    mark.append(text);
  }

  function names(part) {
    return [...new Set(pins.flatMap((number) => Object.keys(trials[number][part])))];
  }

  function cellsOf(part, name) {
    return pins.map((number) => trials[number][part][name] ?? "–");
  }

  function differences() {
    return names("settings").filter((name) => new Set(cellsOf("settings", name)).size > 1);
  }

  function row(part, name) {
    const made = make("tr"), cells = cellsOf(part, name);
    if (pins.length === 2 && cells[0] !== cells[1]) made.className = "differs";
    const heading = make("th", name.replace(/([._])/g, "$1\u200b"));  // a narrow window breaks names there
    heading.scope = "row";
    made.append(heading, ...cells.map((text) => make("td", text)));
    return made;
  }

  function drawPanel() {
    const wasOpen = panel.querySelector("details")?.open ?? false;
    panel.hidden = pins.length === 0;
    if (panel.hidden) return panel.replaceChildren();
    const differing = differences(), equal = names("settings").filter((name) => !differing.includes(name));
    const table = make("table"), head = table.createTHead().insertRow();
    head.append(make("td"));
    pins.forEach((number, place) => {
      const heading = make("th", `#${number}`, `p${place}`), remove = make("button", "×");
      heading.scope = "col";
      remove.type = "button";
      remove.setAttribute("aria-label", `Unpin trial ${number}`);
      remove.addEventListener("click", () => {
        toggle(number);
        (panel.querySelector("button") ?? document.querySelector("g.trial[tabindex='0']"))?.focus();
      });
      heading.append(remove);
      head.append(heading);
    });
    table.append(make("tbody"));
    const shown = pins.length === 2 ? differing : equal;
    table.tBodies[0].append(...names("figures").map((name) => row("figures", name)), ...shown.map((name) => row("settings", name)));
    const words = pins.length === 2 ? `Two pinned trials: ${differing.length} settings differ` : "Pinned trial; pin another one to compare them";
    const box = make("div", undefined, "box");
    box.append(table);
    panel.replaceChildren(make("h2", words), box);
    if (pins.length === 2 && equal.length) {
      const details = make("details"), same = make("table"), body = make("tbody");
      body.append(...equal.map((name) => row("settings", name)));
      same.append(body);
      details.open = wasOpen;
      details.append(make("summary", `${equal.length} equal settings`), same);
      panel.append(details);
    }
  }

  // Pointing: by mouse, or by the focus of the keyboard.

  function show(place, x, y) {
    const number = place.dataset.trial;
    if (!known(number)) return;
    if (hot !== number) {
      hide();
      hot = number;
      for (const each of all(number)) each.classList.add("hot");
      const { figures, settings } = trials[number];
      const line = Object.entries(settings).map(([name, value]) => `${name} ${value}`).join(" · ");
      tip.replaceChildren(make("strong", `#${number}  ${Object.values(figures).slice(0, 2).join("  ")}`), Object.entries(figures).slice(2).map(([name, value]) => `${name}: ${value}`).join(" · "), make("span", line, "faint"));
    }
    tip.hidden = false;
    const left = Math.min(x + 14, innerWidth - tip.offsetWidth - 8), above = y - tip.offsetHeight - 14;
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${above > 8 ? above : Math.min(y + 18, innerHeight - tip.offsetHeight - 8)}px`;
  }

  function hide() {
    if (hot !== null) for (const each of all(hot)) each.classList.remove("hot");
    hot = null;
    tip.hidden = true;
  }

  function showThere(place) {
    const dot = (place.querySelector?.(".dot, .pin") ?? place).getBoundingClientRect();
    show(place, dot.x + dot.width / 2, dot.y);
  }

  document.addEventListener("pointermove", (event) => {
    const place = event.target.closest?.("[data-trial]");
    if (place && event.pointerType === "mouse") show(place, event.clientX, event.clientY);
    else if (!place) hide();
  });
  document.addEventListener("pointerleave", hide);
  document.addEventListener("point", (event) => showThere(event.target));
  document.addEventListener("focusin", (event) => {
    const mark = event.target.closest("g.trial");
    if (!mark) return hide();
    for (const each of mark.ownerSVGElement.querySelectorAll("g.trial[tabindex='0']")) each.setAttribute("tabindex", "-1");
    mark.setAttribute("tabindex", "0");
    if (mark.matches(":focus-visible")) showThere(mark);
  });
  document.addEventListener("click", (event) => {
    const place = event.target.closest("[data-trial]");
    if (!place || !known(place.dataset.trial) || event.target.closest("a, summary")) return;
    if (getSelection().toString() && !event.target.closest("button, g")) return;
    toggle(place.dataset.trial);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && (hot !== null || pins.length)) {
      if (hot !== null) return hide();
      pins = [];
      return drawPins();
    }
    const mark = event.target.closest?.("g.trial");
    if (!mark || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      return toggle(mark.dataset.trial);
    }
    const marks = inOrder(mark.ownerSVGElement), place = marks.indexOf(mark), last = marks.length - 1;
    const steps = { ArrowRight: place + 1, ArrowDown: place + 1, ArrowLeft: place - 1, ArrowUp: place - 1, Home: 0, End: last };
    if (!(event.key in steps)) return;
    event.preventDefault();
    marks[Math.min(last, Math.max(0, steps[event.key]))].focus();
  });

  drawPins();
})();
