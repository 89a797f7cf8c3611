"use strict";
/* Attention to look at. The page's content is JSON beside this script:
     parts   what attends and is attended to: {name, kind: "tokens", tokens} or {name, kind: "picture", source, rows, columns,
             frames, sound}
     looks   {name, from, to, layers, layer_names, heads, rows, columns, start}: `from` and `to` are numbers of parts; weights
             (layers, heads, rows, columns) begin at byte `start` of `weights`; some have `neurons` (neurons.js)
     weights bytes, deflated, in base 64; a byte b stands for the weight (b / 255)^2, so that small ones are told apart too
   A layer or head of -1 is the mean over all. */
const content = JSON.parse(document.getElementById("content").textContent);
const chosen = {look: 0, out: true, layer: {a: -1, b: -1}, head: {a: -1, b: -1}};
const selected = {part: null, index: 0, kept: null};
let bytes = null;

const element = (id) => document.getElementById(id);
const look = () => content.looks[chosen.look];
const percent = (weight) => (100 * weight).toFixed(weight < 0.1 ? 1 : 0) + " %";

async function unpacked(packed) {
  const deflated = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const stream = new Blob([deflated]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/* One weight; the mean over layers, heads or both where these are -1. */
function weight(layer, head, row, column) {
  const {layers, heads, rows, columns, start} = look();
  const some = (number, count) => (number < 0 ? [...Array(count).keys()] : [number]);
  let total = 0, count = 0;
  for (const l of some(layer, layers))
    for (const h of some(head, heads)) {
      const byte = bytes[start + ((l * heads + h) * rows + row) * columns + column] / 255;
      total += byte * byte;
      count += 1;
    }
  return total / count;
}

/* What is lit up when `selected` is chosen: {part, weights}, or null where the selection has nothing to do with this attention. */
function lit(panel) {
  const {from, to, rows, columns} = look(), layer = chosen.layer[panel], head = chosen.head[panel];
  const looksOut = selected.part === from && (from !== to || chosen.out);
  if (looksOut && selected.index < rows)
    return {part: to, weights: [...Array(columns).keys()].map((column) => weight(layer, head, selected.index, column))};
  if (selected.part === to && selected.index < columns)
    return {part: from, weights: [...Array(rows).keys()].map((row) => weight(layer, head, row, selected.index))};
  return null;
}

function nameOf(part, index) {
  const {kind, tokens, columns, rows, frames} = content.parts[part];
  if (kind === "tokens") return "“" + tokens[index] + "”";
  if (rows === 1) return "the sound’s part " + (index + 1) + " of " + columns;
  const row = Math.floor(index / columns), column = index % columns, wide = columns / frames;  /* frames side by side */
  const frame = frames > 1 ? "frame " + (Math.floor(column / wide) + 1) + ", " : "";
  return frame + "row " + (row + 1) + ", column " + ((column % wide) + 1);
}

function options(select, names, value) {
  select.replaceChildren(...names.map(([each, said]) => new Option(said, each, false, each === value)));
}

function build(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/* One thing that can be pointed at, tabbed to and lit up. */
function spot(part, index, className, text) {
  const made = build("button", {type: "button", className, textContent: text, tabIndex: -1});
  made.dataset.part = part;
  made.dataset.index = index;
  made.addEventListener("mouseenter", () => selected.kept === null && choose(part, index));
  made.addEventListener("focus", () => choose(part, index));
  made.addEventListener("click", () => keep(part, index));
  return made;
}

function buildPart(part) {
  const given = content.parts[part], block = build("div", {className: "part"}, build("h2", {textContent: given.name}));
  if (given.kind === "tokens") {
    const row = build("div", {className: "tokens"});
    row.setAttribute("role", "group");
    row.setAttribute("aria-label", given.name);
    given.tokens.forEach((token, index) => {
      const made = spot(part, index, "token", token);
      made.dir = "auto";
      row.append(made);
    });
    block.append(row);
    return block;
  }
  const frame = build("div", {className: "picture" + (given.rows === 1 ? " wide" : "")});
  const grid = build("div", {className: "grid"});
  grid.style.gridTemplate = `repeat(${given.rows}, 1fr) / repeat(${given.columns}, 1fr)`;
  for (let index = 0; index < given.rows * given.columns; index++) {
    const cell = spot(part, index, "cell", "");
    cell.setAttribute("aria-label", nameOf(part, index));
    grid.append(cell);
  }
  frame.append(build("img", {src: given.source, alt: given.name}), grid);
  block.append(frame);
  if (given.sound) block.append(build("audio", {src: given.sound, controls: true, ariaLabel: given.name}));
  return block;
}

function buildPanel(panel) {
  const {from, to, layers, layer_names, heads} = look(), section = element("panel-" + panel), row = build("div", {className: "chosen"});
  const pick = (name, count, names) => {
    if (count === 1) {  /* nothing to choose */
      chosen[name][panel] = 0;
      return;
    }
    const select = build("select", {id: name + "-" + panel});
    chosen[name][panel] = Math.min(chosen[name][panel], count - 1);
    options(select, [["-1", "mean of all"], ...[...Array(count).keys()].map((n) => [String(n), String(names[n])])], String(chosen[name][panel]));
    select.addEventListener("change", () => { chosen[name][panel] = Number(select.value); show(); });
    row.append(build("label", {}, name + " ", select));
  };
  pick("layer", layers, layer_names);
  pick("head", heads, [...Array(heads).keys()]);
  section.replaceChildren(row, ...[...new Set([from, to])].map(buildPart));
}

function show() {
  for (const panel of ["a", "b"]) {
    const section = element("panel-" + panel);
    if (section.hidden) continue;
    const found = lit(panel), largest = found ? Math.max(...found.weights, 1e-9) : 1;
    for (const spot of section.querySelectorAll("[data-part]")) {
      const part = Number(spot.dataset.part), index = Number(spot.dataset.index);
      const value = found && found.part === part ? found.weights[index] : 0;
      spot.style.setProperty("--weight", (value / largest).toFixed(3));
      spot.dataset.weight = value.toFixed(5);
      spot.title = found && found.part === part ? percent(value) : "";
      const isSelected = part === selected.part && index === selected.index;
      spot.classList.toggle("selected", isSelected);
      spot.classList.toggle("kept", selected.kept === part + " " + index);
      spot.setAttribute("aria-pressed", String(isSelected));
      spot.classList.toggle("strong", value / largest > 0.6);
      spot.parentElement.classList.toggle("lit", Boolean(found) && found.part === part);
      /* Tab enters each part once; arrow keys move on inside it. */
      spot.tabIndex = index === (part === selected.part ? selected.index : 0) ? 0 : -1;
    }
  }
  for (const map of element("maps").querySelectorAll(".map"))
    map.setAttribute("aria-pressed", String(Number(map.dataset.layer) === chosen.layer.a && Number(map.dataset.head) === chosen.head.a));
  say();
  drawNeurons();
}

/* The same in words, for all and for readers of the screen. */
function say() {
  const sentence = (panel) => {
    const found = lit(panel);
    if (!found) return "";
    const best = found.weights.map((value, index) => [value, index]).sort((x, y) => y[0] - x[0]).slice(0, 5).filter(([value]) => value > 0.0005);
    const out = found.part === look().to && selected.part === look().from && (look().from !== look().to || chosen.out);
    const list = best.map(([value, index]) => nameOf(found.part, index) + " (" + percent(value) + ")").join(", ");
    return nameOf(selected.part, selected.index) + (out ? " looks at " : " is looked at by ") + (list || "nothing");
  };
  const both = !element("panel-b").hidden;
  element("said").textContent = both ? "First: " + sentence("a") + ". Second: " + sentence("b") + "." : sentence("a") + ".";
}

function choose(part, index) {
  selected.part = part;
  selected.index = index;
  show();
}

/* Kept until it is clicked again, or another is: pointing elsewhere then changes nothing. */
function keep(part, index) {
  const place = part + " " + index;
  selected.kept = selected.kept === place ? null : place;
  choose(part, index);
}

/* Small maps of all layers and heads; drawn when they are first looked at. */
function drawMaps() {
  const {layers, heads, rows, columns} = look(), maps = element("maps");
  const [red, green, blue] = getComputedStyle(document.documentElement).getPropertyValue("--a").split(",").map(Number);
  maps.style.gridTemplateColumns = `4.5rem repeat(${heads}, minmax(2.2rem, 7rem))`;
  maps.replaceChildren(build("span"), ...[...Array(heads).keys()].map((head) => build("span", {className: "maps-name", textContent: "head " + head})));
  for (let layer = 0; layer < layers; layer++) {
    maps.append(build("span", {className: "maps-name", textContent: "layer " + look().layer_names[layer]}));
    for (let head = 0; head < heads; head++) {
      const canvas = build("canvas", {width: columns, height: rows}), context = canvas.getContext("2d");
      const image = context.createImageData(columns, rows);
      for (let place = 0; place < rows * columns; place++)
        image.data.set([red, green, blue, bytes[look().start + (layer * heads + head) * rows * columns + place]], 4 * place);
      context.putImageData(image, 0, 0);
      const map = build("button", {type: "button", className: "map"}, canvas);
      map.dataset.layer = layer;
      map.dataset.head = head;
      map.setAttribute("aria-label", `layer ${look().layer_names[layer]}, head ${head}`);
      map.addEventListener("click", () => {
        chosen.layer.a = layer;
        chosen.head.a = head;
        buildPanel("a");
        show();
      });
      maps.append(map);
    }
  }
}

function rebuild() {
  buildPanel("a");
  if (!element("panel-b").hidden) buildPanel("b");
  element("direction").disabled = look().from !== look().to;
  if (element("overview").open) drawMaps();
  show();
}

/* The next layer or head of a panel, or the one before; the mean lies between the last and the first. */
function step(name, by, panel) {
  const count = name === "layer" ? look().layers : look().heads, least = count > 1 ? -1 : 0, span = count - least;
  chosen[name][panel] = ((chosen[name][panel] - least + by + span) % span) + least;
  buildPanel(panel);
  show();
}

document.addEventListener("keydown", (event) => {
  const spot = event.target.closest("[data-part]");
  if (event.target.matches("select, input") || event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key.toLowerCase();
  if (key === "l" || key === "h") {
    const panel = event.target.closest(".panel");
    step(key === "l" ? "layer" : "head", event.shiftKey ? -1 : 1, panel && panel.id === "panel-b" ? "b" : "a");
    if (spot) panel.querySelector(".selected").focus();  /* what had the focus was built anew */
    return;
  }
  if (!spot) return;
  const part = content.parts[Number(spot.dataset.part)];
  const across = part.kind === "tokens" ? 1 : part.columns;
  const move = {arrowright: 1, arrowleft: -1, arrowdown: across, arrowup: -across}[key];
  if (move === undefined) return;
  event.preventDefault();
  const next = Number(spot.dataset.index) + move;
  const other = spot.closest(".panel").querySelector(`[data-part="${spot.dataset.part}"][data-index="${next}"]`);
  if (other) other.focus();
});

async function begin() {
  try {
    bytes = await unpacked(content.weights);
  } catch (error) {
    element("said").textContent = "This page needs a newer browser: " + error.message;
    return;
  }
  options(element("look"), content.looks.map((one, index) => [String(index), one.name]), "0");
  element("look").addEventListener("change", (event) => {
    Object.assign(chosen, {look: Number(event.target.value), layer: {a: -1, b: -1}, head: {a: -1, b: -1}});
    Object.assign(selected, {part: look().from, index: Math.min(selected.index, look().rows - 1), kept: null});
    rebuild();
  });
  element("direction").addEventListener("change", (event) => { chosen.out = event.target.value === "out"; show(); });
  element("compare").addEventListener("change", (event) => { element("panel-b").hidden = !event.target.checked; rebuild(); });
  element("overview").addEventListener("toggle", () => element("overview").open && drawMaps());
  element("neurons").addEventListener("toggle", drawNeurons);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", rebuild);
  Object.assign(selected, {part: look().from, index: look().rows - 1});
  rebuild();
  document.body.dataset.ready = "yes";
}
