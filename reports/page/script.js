"use strict";

// Search and filters: a list shows the items that fit the words and, of each kind of button, one that is pressed.
for (const list of document.querySelectorAll("[data-list]")) {
  const items = [...list.querySelectorAll("[data-item]")];
  const groups = [...list.querySelectorAll("[data-group]")];
  const input = list.querySelector("input");
  const buttons = [...list.querySelectorAll("button[data-key]")];
  const showing = list.querySelector(".showing");
  const texts = new Map();
  const text = (item) => {
    if (!texts.has(item)) texts.set(item, item.textContent.toLowerCase());
    return texts.get(item);
  };

  const apply = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = {};
    for (const b of buttons) {
      if (b.getAttribute("aria-pressed") === "true") (wanted[b.dataset.key] ??= []).push(b.dataset.value);
    }
    const filtering = words.length > 0 || Object.keys(wanted).length > 0;
    let count = 0;
    for (const item of items) {
      const fits = Object.entries(wanted).every(([key, values]) => values.includes(item.dataset[key])) &&
        words.every((w) => text(item).includes(w));
      item.hidden = !fits;
      if (fits) count++;
    }
    for (const g of groups) {
      g.hidden = filtering && !g.querySelector("[data-item]:not([hidden])");
      if (filtering && !g.hidden && g.tagName === "DETAILS") g.open = true;
    }
    showing.textContent = filtering ? `${count} of ${items.length}` : "";
  };

  input.addEventListener("input", apply);
  for (const b of buttons) {
    b.addEventListener("click", () => {
      b.setAttribute("aria-pressed", b.getAttribute("aria-pressed") !== "true");
      apply();
    });
  }
  if (buttons.some((b) => b.getAttribute("aria-pressed") === "true")) apply();
}

// Most ladders are packed: a page may have thousands. One is unpacked when its case is opened.
const unpack = async (figure) => {
  const packed = figure.dataset.packed;
  if (!packed) return;
  delete figure.dataset.packed;
  try {
    const bytes = Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    figure.innerHTML = await new Response(stream).text();
  } catch (e) {
    figure.textContent = `This browser can't draw the diagram (${e.message}); the capture and the timeline have its events.`;
  }
};
document.addEventListener("toggle", (event) => {
  if (event.target.open && event.target.matches("details.case")) event.target.querySelectorAll("figure[data-packed]").forEach(unpack);
}, true);

// Paper can't open a list.
addEventListener("beforeprint", () => {
  for (const group of document.querySelectorAll("details[data-group]")) group.open = true;
});

// A link into a closed list opens it.
const reveal = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let e = target; e; e = e.parentElement) {
    if (e.hidden) e.hidden = false;
    if (e.tagName === "DETAILS") e.open = true;
  }
  target.scrollIntoView();
};
addEventListener("hashchange", reveal);
if (location.hash) reveal();
