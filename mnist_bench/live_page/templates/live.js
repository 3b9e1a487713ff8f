"use strict";
(() => {
  const status = document.getElementById("status"), { state } = status.dataset;
  const [written, every, quiet] = ["written", "every", "quiet"].map((name) => Number(status.dataset[name]));
  const loaded = Date.now(), title = document.title;
  const RETRY = 5;

  // What the reader did, kept in this tab from one load of the page to the next.

  const KEY = `mnist-bench ${location.pathname}`;
  function kept() {
    try {
      return JSON.parse(sessionStorage.getItem(KEY)) ?? {};
    } catch {
      return {};
    }
  }
  function keep(values) {
    try {
      sessionStorage.setItem(KEY, JSON.stringify(values));
    } catch {
      // A browser that keeps nothing loads the page from its top.
    }
  }
  const before = kept();
  let paused = before.paused ?? false;
  let isDown = false;

  const boxes = () => Array.from(document.querySelectorAll(".box"));
  const folds = () => Array.from(document.querySelectorAll("details"));
  const ticks = () => Array.from(document.querySelectorAll("input[type=checkbox]"));

  function place(element) {
    if (!element || element === document.body) return null;
    const chart = element.closest("svg[data-chart]");
    if (chart) return { chart: chart.dataset.chart, trial: element.dataset.trial };
    const tag = element.tagName.toLowerCase();
    const trial = element.closest("[data-trial]")?.dataset.trial;
    if (trial) return { tag, trial };
    return { tag, index: Array.from(document.querySelectorAll(tag)).indexOf(element) };
  }
  function found({ chart, trial, tag, index }) {
    if (chart) return document.querySelector(`svg[data-chart="${chart}"] [data-trial="${trial}"]`);
    if (trial) return document.querySelector(`tr[data-trial="${trial}"] ${tag}`);
    return document.querySelectorAll(tag)[index];
  }
  // The heading that is next to the top of the window keeps its place, whatever came above it.
  function anchor() {
    const tops = Array.from(document.querySelectorAll("h2[id]"), (each) => [each.id, each.getBoundingClientRect().top]);
    const below = tops.find(([, top]) => top >= 0) ?? tops.at(-1);
    return scrollY > 0 ? below : null;
  }
  function remember() {
    keep({
      paused,
      anchor: anchor(),
      boxes: boxes().map((box) => [box.scrollLeft, box.scrollTop]),
      folds: folds().map((fold) => fold.open),
      ticks: ticks().map((tick) => tick.checked),
      focus: place(document.activeElement),
      hot: document.getElementById("tip").hidden ? null : place(document.querySelector("g.hot")),
    });
  }
  function restore() {
    folds().forEach((fold, index) => (fold.open = before.folds?.[index] ?? fold.open));
    ticks().forEach((tick, index) => (tick.checked = before.ticks?.[index] ?? tick.checked));
    boxes().forEach((box, index) => ([box.scrollLeft, box.scrollTop] = before.boxes?.[index] ?? [0, 0]));
    if (before.focus) found(before.focus)?.focus({ preventScroll: true });
    const heading = before.anchor && document.getElementById(before.anchor[0]);
    if (heading) scrollBy({ top: heading.getBoundingClientRect().top - before.anchor[1], behavior: "instant" });
    const hot = before.hot && found(before.hot);
    if (hot) hot.dispatchEvent(new Event("point", { bubbles: true }));
  }

  // Loading again: not while the reader holds a button or has marked text, and not in a tab that nobody sees.

  const button = document.createElement("button");
  button.type = "button";
  button.addEventListener("click", () => {
    paused = !paused;
    tell();
  });
  if (state !== "ended") status.after(button);

  function age() {
    return Math.max(0, Date.now() / 1000 - written);
  }
  function isStale() {
    return (state === "running" || state === "drawing") && age() > quiet;
  }
  function words(seconds) {
    if (seconds < 60) return `${Math.round(seconds)} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
    const hours = Math.floor(seconds / 3600);
    return hours < 48 ? `${hours} h ${Math.floor((seconds % 3600) / 60)} min` : `${Math.floor(hours / 24)} days`;
  }
  // The moment of the page in the reader's time zone; with the date, if that is not today.
  function moment(length) {
    const at = new Date(1000 * written), pad = (number) => String(number).padStart(2, "0");
    const day = [at.getFullYear(), at.getMonth() + 1, at.getDate()].map(pad).join("-");
    const clock = [at.getHours(), at.getMinutes(), at.getSeconds()].map(pad).slice(0, length).join(":");
    return at.toDateString() === new Date().toDateString() ? clock : `${day} ${clock}`;
  }
  // A page cannot know whether its search was stopped or it is a copy, so it raises no alarm.
  function lastKnown() {
    const at = `State at ${moment(3)}.`;
    if (state === "drawing") return `${at} The search has ended; its plots were not drawn, or this is a copy.`;
    return `${at} Nothing newer has been written for ${words(age())}: the search was stopped, or this is a copy.`;
  }
  function sentence() {
    const since = words(age());
    if (isStale()) return lastKnown();
    if (state === "running") return `Running. Heard from ${since} ago.`;
    if (state === "drawing") return "The search has ended; its plots are being drawn.";
    if (state === "paused") return `Stopped ${since} ago.`;
    return "Ended.";
  }
  function tell() {
    status.textContent = sentence() + (paused && state !== "ended" ? " This page does not follow it now." : "");
    document.getElementById("resume").hidden = state !== "paused" && !(isStale() && state === "running");
    document.getElementById("stopped").hidden = isStale();
    for (const time of document.querySelectorAll("#time")) time.hidden = isStale();
    document.title = isStale() ? title.replace(" ", ` (${moment(2)}) `) : title;
    button.textContent = paused ? "Follow" : "Pause";
    button.title = paused ? "Load new pages again" : "Keep this page as it is";
  }
  function isBusy() {
    return isDown || document.hidden || !getSelection().isCollapsed;
  }
  function turn() {
    tell();
    const wait = isStale() ? RETRY : every;
    if (state !== "ended" && !paused && !isBusy() && Date.now() - loaded >= 1000 * wait) location.reload();
  }

  addEventListener("pagehide", remember);
  addEventListener("pointerdown", () => (isDown = true));
  for (const end of ["pointerup", "pointercancel", "blur"]) addEventListener(end, () => (isDown = false));
  document.addEventListener("visibilitychange", turn);
  tell();
  restore();
  setInterval(turn, 250);
})();
