"use strict";
// The sums of a step, as sums.py has them, for the one sample that the page holds.
// An array is {shape, data, batch}; where it is of a batch, its first axis is left out.

const SIDE = 64, MOST_TERMS = 24, MOST_NUMBERS = 10, PRODUCT = "x * kernel";
let WRAP = 16;  // numbers in a line of a vector; 8 on a narrow screen

function offset(array, index) {
  return index.reduce((at, k, axis) => at * array.shape[axis] + k, 0);
}

function valueOf(layer, name, index) {
  const array = layer.arrays[name];
  return array.data[offset(array, index)];
}

function place(layer, name, index) {
  const whole = layer.arrays[name].batch ? [layer.sample, ...index] : index;
  return `${name}[${whole.join(", ")}]`;
}

function number(value) {
  return String(value);
}

function factor(value) {
  return value < 0 ? `(${value})` : String(value);
}

// the products in the window, of the first of its channels, as an array of their own
function productOf(layer, marks) {
  const x = marks.filter(([name]) => name === "x");
  const kernel = marks.filter(([name]) => name === "kernel");
  const [height, width] = layer.arrays.kernel.shape;
  const data = new Array(height * width).fill(0);
  kernel.forEach(([, index], k) => {
    const [p, q, c] = index;
    if (c === 0)
      data[p * width + q] = valueOf(layer, "x", x[k][1]) * valueOf(layer, "kernel", index);
  });
  return {shape: [height, width], data, isGrid: true};
}

function* each(...sizes) {
  if (!sizes.length) { yield []; return; }
  for (let k = 0; k < sizes[0]; k++)
    for (const rest of each(...sizes.slice(1))) yield [k, ...rest];
}

// --- which places a number is made of: lists of [array, index], whose product counts ---

const parts = {
  dense(layer, name, index) {
    const [inputs, outputs] = layer.arrays.kernel.shape, found = [];
    const row = index.slice(0, -1), last = index.at(-1);
    const rows = [...each(...layer.arrays.x.shape.slice(0, -1))];
    if (name === layer.z) {
      if (layer.arrays.bias) found.push([["bias", [last]]]);
      for (let k = 0; k < inputs; k++)
        found.push([["x", [...row, k]], ["kernel", [k, last]]]);
    } else if (name === "dx") {
      for (let o = 0; o < outputs; o++)
        found.push([[layer.dz, [...row, o]], ["kernel", [last, o]]]);
    } else if (name === "dkernel") {
      for (const n of rows)
        found.push([["x", [...n, index[0]]], [layer.dz, [...n, last]]]);
    } else for (const n of rows) found.push([[layer.dz, [...n, last]]]);
    return found;
  },
  conv2d(layer, name, index) {
    const {strides: [s, t], dilation: [d, e], before: [top, left], groups} = layer;
    const [kh, kw, cg, filters] = layer.arrays.kernel.shape;
    const [height, width] = layer.arrays.x.shape, og = filters / groups, found = [];
    const [rows, columns] = layer.arrays[layer.dz].shape;
    const inside = (h, v) => h >= 0 && h < height && v >= 0 && v < width;
    if (name === layer.z) {
      const [i, j, o] = index, first = Math.floor(o / og) * cg;
      if (layer.arrays.bias) found.push([["bias", [o]]]);
      for (const [p, q, c] of each(kh, kw, cg)) {
        const h = i * s + p * d - top, v = j * t + q * e - left;
        if (inside(h, v))
          found.push([["x", [h, v, first + c]], ["kernel", [p, q, c, o]]]);
      }
    } else if (name === "dkernel") {
      const [p, q, c, o] = index, first = Math.floor(o / og) * cg;
      for (const [i, j] of each(rows, columns)) {
        const h = i * s + p * d - top, v = j * t + q * e - left;
        if (inside(h, v))
          found.push([["x", [h, v, first + c]], [layer.dz, [i, j, o]]]);
      }
    } else if (name === "dx") {
      const [h, v, c] = index, g = Math.floor(c / cg);
      for (const [p, q] of each(kh, kw)) {
        const i = (h + top - p * d) / s, j = (v + left - q * e) / t;
        if (!Number.isInteger(i) || !Number.isInteger(j)) continue;
        if (i < 0 || i >= rows || j < 0 || j >= columns) continue;
        for (let o = g * og; o < g * og + og; o++)
          found.push([["kernel", [p, q, c % cg, o]], [layer.dz, [i, j, o]]]);
      }
    } else for (const [i, j] of each(rows, columns))
      found.push([[layer.dz, [i, j, index[0]]]]);
    return found;
  },
};

function cellsOf(layer, [i, j, c]) {
  const [height, width] = layer.arrays.x.shape, found = [];
  for (const [p, q] of each(...layer.window)) {
    const h = i * layer.strides[0] + p - layer.before[0];
    const v = j * layer.strides[1] + q - layer.before[1];
    if (h >= 0 && h < height && v >= 0 && v < width) found.push([h, v, c]);
  }
  return found;
}

function keptOf(layer, cells) {
  let kept = cells[0];
  for (const cell of cells) {
    const best = valueOf(layer, "x", kept), now = valueOf(layer, "x", cell);
    if (now > best || (Number.isNaN(now) && !Number.isNaN(best))) kept = cell;
  }
  return kept;
}

function windowsOf(layer, [h, v, c]) {
  const [rows, columns] = layer.arrays.y.shape;
  return [...each(rows, columns)].map(([i, j]) => [i, j, c]).filter(
    window => cellsOf(layer, window).some(cell => cell[0] === h && cell[1] === v));
}

// --- equations: {left, formula, terms, head, join, tail, value} ----------------------------

function sumOf(layer, name, index) {
  const found = parts[layer.sums](layer, name, index);
  const terms = found.map(
    pair => pair.map(([array, k]) => factor(valueOf(layer, array, k))).join(" * "));
  const total = found.reduce(
    (sum, pair) => sum + pair.reduce((a, [array, k]) => a * valueOf(layer, array, k), 1), 0);
  const value = valueOf(layer, name, index), notes = [];
  if (!layer.arrays[name].batch && layer.samples > 1 && /^d/.test(name)) {
    const others = layer.samples === 2 ? "the other sample adds"
      : `the other ${layer.samples - 1} samples add`;
    terms.push(factor(Number((value - total).toPrecision(7))));
    notes.push(`The last term, ${terms.at(-1)}, is what ${others}.`);
  }
  const marks = found.flat();
  return {line: equation(layer, name, index, terms), marks, notes};
}

function equation(layer, name, index, terms, more = {}) {
  return {left: place(layer, name, index), formula: layer.letters[name] || "", terms,
    head: "", join: " + ", tail: "", value: valueOf(layer, name, index), ...more};
}

function explain(layer, name, index) {
  const affine = layer.sums === "dense" || layer.sums === "conv2d";
  const value = (array, k) => valueOf(layer, array, k);
  if (affine && name === "y" && layer.z === "z") {
    const sum = sumOf(layer, "z", index);
    return {lines: [sum.line, activated(layer, "z", "y", index)],
      marks: [...sum.marks, ["z", index]], notes: sum.notes};
  }
  if (name === "y" && layer.sums === "activation")
    return {lines: [activated(layer, "x", "y", index)], marks: rowOf(layer, "x", index),
      notes: []};
  if (name === "dz" && affine) return sloped(layer, "z", "dz", index);
  if (name === "dx" && layer.sums === "activation") return sloped(layer, "x", "dx", index);
  if (affine) {
    const sum = sumOf(layer, name, index);
    return {lines: [sum.line], marks: sum.marks, notes: sum.notes};
  }
  if (layer.sums === "max" || layer.sums === "mean") return pooled(layer, name, index);
  if (layer.sums === "flatten") {
    const source = name === "y" ? "x" : "dy", from = layer.arrays[source];
    let at = offset(layer.arrays[name], index);
    const found = [];
    for (const size of [...from.shape].reverse()) {
      found.unshift(at % size);
      at = Math.floor(at / size);
    }
    const line = equation(layer, name, index, [number(value(source, found))],
      {formula: place(layer, source, found)});
    return {lines: [line], marks: [[source, found]], notes: []};
  }
  return lossOf(layer, name, index);
}

function rowOf(layer, name, index) {
  if (layer.activation !== "softmax") return [[name, index]];
  const size = layer.arrays[name].shape.at(-1);
  return Array.from({length: size}, (_, k) => [name, [...index.slice(0, -1), k]]);
}

function activated(layer, from, to, index) {
  const row = rowOf(layer, from, index).map(([name, k]) => valueOf(layer, name, k));
  const z = valueOf(layer, from, index), name = layer.activation;
  if (name === "softmax") {
    const m = Math.max(...row);
    const terms = row.map(a => `exp(${a} - ${factor(m)})`);
    return equation(layer, to, index, terms, {
      formula: `e^(${from}[k] - m) / sum_l e^(${from}[l] - m), m the largest`,
      head: `exp(${z} - ${factor(m)}) / (`, tail: ")"});
  }
  const text = name === "relu" ? `max(0, ${z})` : name === "linear" ? number(z)
    : `${name}(${z})`;
  const formula = name === "relu" ? `max(0, ${from})` : `${name}(${from})`;
  return equation(layer, to, index, [text], {formula});
}

function sloped(layer, from, to, index) {
  const dy = valueOf(layer, "dy", index);
  if (layer.activation === "softmax") {
    const ys = rowOf(layer, "y", index), dys = rowOf(layer, "dy", index);
    const terms = ys.map(([, k]) =>
      `${factor(valueOf(layer, "dy", k))} * ${factor(valueOf(layer, "y", k))}`);
    const y = factor(valueOf(layer, "y", index));
    const line = equation(layer, to, index, terms, {
      formula: "y[k] (dy[k] - sum_l dy[l] y[l])", head: `${y} * (${dy} - (`, tail: "))"});
    return {lines: [line], marks: [...dys, ...ys], notes: []};
  }
  const slope = valueOf(layer, "slope", index), z = valueOf(layer, from, index);
  const line = equation(layer, to, index, [`${factor(dy)} * ${factor(slope)}`], {
    formula: `dy ${layer.activation}'(${from}), which is ${slope} at ${from} = ${z}`});
  return {lines: [line], marks: [["dy", index], [from, index]], notes: []};
}

function pooled(layer, name, index) {
  const value = (array, k) => valueOf(layer, array, k);
  const isMax = layer.sums === "max";
  if (name === "y") {
    const cells = cellsOf(layer, index), marks = cells.map(cell => ["x", cell]);
    const terms = cells.map(cell => number(value("x", cell)));
    if (!isMax) {
      const tail = `) / ${cells.length}`;
      return {lines: [equation(layer, name, index, terms, {head: "(", tail})], marks,
        notes: []};
    }
    const kept = keptOf(layer, cells);
    const line = equation(layer, name, index, terms,
      {head: "max(", join: ", ", tail: ")"});
    const notes = [`The maximum is ${place(layer, "x", kept)}; it gets all of dy.`];
    return {lines: [line], marks, notes, kept};
  }
  let windows = windowsOf(layer, index);
  const size = window => cellsOf(layer, window).length;
  if (isMax) windows = windows.filter(
    window => String(keptOf(layer, cellsOf(layer, window))) === String(index));
  const terms = windows.map(
    window => factor(value("dy", window)) + (isMax ? "" : ` / ${size(window)}`));
  const notes = windows.length || !isMax ? []
    : [`${place(layer, "x", index)} is the maximum of no window: it gets nothing.`];
  return {lines: [equation(layer, name, index, terms)],
    marks: windows.map(window => ["dy", window]), notes};
}

function lossOf(layer, name, index) {
  const value = (array, k) => valueOf(layer, array, k), row = index.slice(0, -1);
  const weight = value("weight", name === "losses" ? index : row);
  if (layer.sums === "squares") {
    const size = layer.arrays.y.shape.at(-1);
    if (name === "losses") {
      const marks = [...each(size)].flatMap(
        ([k]) => [["y", [...index, k]], ["t", [...index, k]]]);
      const terms = [...each(size)].map(([k]) =>
        `(${value("y", [...index, k])} - ${factor(value("t", [...index, k]))}) ** 2`);
      const line = equation(layer, name, index, terms, {head: "(", tail: `) / ${size}`,
        formula: "sum_k (y[n, k] - t[n, k])^2 / K"});
      return {lines: [line], marks, notes: []};
    }
    const text = `${factor(weight)} * 2 * (${value("y", index)} - `
      + `${factor(value("t", index))}) / ${size}`;
    const line = equation(layer, name, index, [text],
      {formula: "weight[n] 2 (y[n, k] - t[n, k]) / K"});
    return {lines: [line], marks: [["y", index], ["t", index]], notes: []};
  }
  const p = name === "losses" ? null : activated(layer, "z", "p", index);
  if (name === "p") return {lines: [p], marks: rowOf(layer, "z", index), notes: []};
  if (name === "dz") {
    const t = value("t", index);
    const mass = rowOf(layer, "t", index).reduce((sum, [, k]) => sum + value("t", k), 0);
    const share = factor(value("p", index)) + (mass === 1 ? "" : ` * ${factor(mass)}`);
    const line = equation(layer, name, index,
      [`${factor(weight)} * (${share} - ${factor(t)})`],
      {formula: "weight[n] (p[n, k] sum_l t[n, l] - t[n, k])"});
    const notes = [`weight = ${weight} is what the loss multiplies this sample's loss by.`];
    return {lines: [p, line], notes,
      marks: [...rowOf(layer, "z", index), ["p", index], ["t", index]]};
  }
  const marks = rowOf(layer, "z", [...index, 0]), zs = marks.map(([, k]) => value("z", k));
  const m = Math.max(...zs);
  const total = zs.map(a => `exp(${a} - ${factor(m)})`).join(" + ");
  const terms = zs.map((a, k) => [value("t", [...index, k]), a]).filter(([t]) => t).map(
    ([t, a]) => `${factor(t)} * (log(${total}) + ${factor(m)} - ${factor(a)})`);
  const line = equation(layer, name, index, terms,
    {formula: "sum_k t[n, k] (log sum_l e^z[n, l] - z[n, k])"});
  return {lines: [line], marks, notes: []};
}

function written(line, most = MOST_TERMS) {
  let terms = line.terms;
  if (terms.length > most) terms = [...terms.slice(0, most - 1),
    `... (${terms.length - most + 1} more)`];
  const right = line.head + (terms.join(line.join) || "0") + line.tail;
  const value = number(line.value);
  return `${line.left} = ${line.formula}\n${line.left} = `
    + (right === value ? value : `${right} = ${value}`);
}

if (typeof module !== "undefined") module.exports = {explain};

// --- the page ------------------------------------------------------------------------------

const SVG = "http://www.w3.org/2000/svg";

function made(tag, attributes, parent) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (parent) parent.append(node);
  return node;
}

// which axes of an array are the rows and columns of its panel
function viewOf(name, array) {
  const axes = array.shape.length;
  if (axes === 4) return {axes: [0, 1], wraps: false};
  if (axes === 3) return {axes: [0, 1], wraps: false};
  if (axes === 2 && (array.batch || array.isGrid)) return {axes: [0, 1], wraps: false};
  return {axes: [0], wraps: true};
}

class Panel {
  constructor(layer, name, host) {
    this.layer = layer;
    this.name = name;
    this.array = layer.arrays[name];
    this.view = viewOf(name, this.array);
    this.figure = document.createElement("figure");
    this.caption = document.createElement("figcaption");
    this.svg = made("svg", {role: "img"});
    this.base = made("g", {}, this.svg);
    this.over = made("g", {class: "over"}, this.svg);
    this.figure.append(this.caption, this.svg);
    host.append(this.figure);
    this.renew();
  }

  renew() {
    this.array = this.layer.arrays[this.name];
    this.limit = this.array.data.reduce(
      (most, a) => Number.isFinite(a) ? Math.max(most, Math.abs(a)) : most, 0) || 1;
    this.key = null;
  }

  // the whole index of a cell, given the slice that is shown
  indexAt(row, column) {
    const index = [...this.fixed];
    if (this.view.wraps) index[0] = row * this.columns + column;
    else {
      index[this.view.axes[0]] = row;
      index[this.view.axes[1]] = column;
    }
    return index;
  }

  cellOf(index) {
    if (this.view.wraps) return [Math.floor(index[0] / this.columns), index[0] % this.columns];
    return this.view.axes.map(axis => index[axis]);
  }

  isShown(index) {
    return index.every((k, axis) => this.view.axes.includes(axis) || k === this.fixed[axis]);
  }

  show(marks, kept) {
    const shape = this.array.shape;
    this.fixed = marks[0] || shape.map(() => 0);
    if (this.view.wraps) {
      this.columns = Math.min(shape[0], WRAP);
      this.rows = Math.ceil(shape[0] / this.columns);
    } else [this.rows, this.columns] = this.view.axes.map(axis => shape[axis]);
    const [row, column] = this.cellOf(this.fixed);
    const begin = (at, size) =>
      size <= SIDE ? 0 : Math.max(0, Math.min(size - SIDE, at - SIDE / 2));
    this.r0 = begin(row, this.rows);
    this.c0 = begin(column, this.columns);
    this.height = Math.min(this.rows, SIDE);
    this.width = Math.min(this.columns, SIDE);
    const held = this.fixed.map((k, axis) => this.view.axes.includes(axis) ? ":" : k);
    const key = [held, this.r0, this.c0].join("|");
    const title = this.name === PRODUCT ? PRODUCT
      : place(this.layer, this.name, held);
    if (key !== this.key) {
      this.key = key;
      this.caption.textContent = title;
      this.drawCells();
    }
    const shown = marks.filter(index => this.isShown(index));
    this.over.replaceChildren();
    for (const index of shown) this.outline(this.cellOf(index), "mark", 0);
    if (kept && this.isShown(kept)) this.outline(this.cellOf(kept), "kept", 7);
    const where = shown.length === 1
      ? `, ${place(this.layer, this.name, shown[0])} = ${valueOf(this.layer, this.name, shown[0])}`
      : `, ${shown.length} cells outlined`;
    this.svg.setAttribute("aria-label", `${title}: ${this.rows} by ${this.columns} numbers${where}`);
  }

  drawCells() {
    this.base.replaceChildren();
    this.svg.setAttribute("viewBox", `-2 -2 ${this.width * 40 + 4} ${this.height * 40 + 4}`);
    this.svg.style.width = `${Math.max(this.width * (this.width > 16 ? 0.75 : 2.4), 3)}rem`;
    const numbers = this.width <= (this.view.wraps ? WRAP : MOST_NUMBERS);
    for (let r = 0; r < this.height; r++)
      for (let c = 0; c < this.width; c++) {
        const index = this.indexAt(r + this.r0, c + this.c0);
        if (this.view.wraps && index[0] >= this.array.shape[0]) continue;
        const value = valueOf(this.layer, this.name, index);
        const share = Math.min(Math.abs(value) / this.limit, 1) || 0;
        const cell = made("rect", {x: c * 40, y: r * 40, width: 39, height: 39,
          class: value < 0 ? "minus" : "plus", style: `--share: ${share.toFixed(3)}`},
          this.base);
        if (numbers) {
          const text = made("text", {x: c * 40 + 19.5, y: r * 40 + 24,
            class: share > 0.6 ? "strong" : ""}, this.base);
          text.textContent = short(value);
        } else made("title", {}, cell).textContent = String(value);
      }
  }

  outline([row, column], kind, inner) {
    made("rect", {x: (column - this.c0) * 40 + inner, y: (row - this.r0) * 40 + inner,
      width: 39 - 2 * inner, height: 39 - 2 * inner, class: kind}, this.over);
  }
}

function short(value) {
  const size = Math.abs(value);
  if (size && (size < 0.01 || size >= 1e4) && Number.isFinite(value))
    return value.toExponential(0).replace("+", "");
  return String(Number(value.toPrecision(size < 100 ? 2 : 4)));
}

class Section {
  constructor(layer, host) {
    this.layer = layer;
    this.host = host;
    this.output = host.querySelector("output");
    this.panels = host.querySelector(".panels");
    this.controls = host.querySelector(".controls");
    this.choice = host.querySelector("select");
    this.choice.addEventListener("change", () => this.choose(this.choice.value));
    this.choose(layer.targets[0]);
  }

  choose(name) {
    this.name = name;
    this.array = this.layer.arrays[name];
    const view = viewOf(name, this.array);
    this.index = this.array.shape.map((size, axis) =>
      view.wraps || !view.axes.includes(axis) ? 0 : Math.floor(size / 2));
    for (const label of this.controls.querySelectorAll(".axis")) label.remove();
    this.array.shape.forEach((size, axis) => {
      if (view.axes.includes(axis) || size === 1) return;
      const label = document.createElement("label"), select = document.createElement("select");
      label.className = "axis";
      label.append(`${this.layer.axes[name]?.[axis] || "axis " + axis} `, select);
      for (let k = 0; k < size; k++) select.add(new Option(k));
      select.value = this.index[axis];
      select.addEventListener("change", () => {
        this.index[axis] = Number(select.value);
        this.update();
      });
      this.controls.append(label);
    });
    this.panels.replaceChildren();
    this.drawn = new Map();
    this.target = null;
    this.update();
  }

  update() {
    const {lines, marks, notes, kept} = explain(this.layer, this.name, this.index);
    this.output.textContent = [...lines.map(line => written(line)), ...notes].join("\n");
    const byArray = new Map();
    for (const [name, index] of marks) {
      if (!byArray.has(name)) byArray.set(name, []);
      byArray.get(name).push(index);
    }
    const isWindow = this.layer.sums === "conv2d" && "yz".includes(this.name);
    if (isWindow) {
      this.layer.arrays[PRODUCT] = productOf(this.layer, marks);
      byArray.set(PRODUCT, []);
      for (const name of ["z", "y"]) {  // behind it
        const found = byArray.get(name);
        if (found && byArray.delete(name)) byArray.set(name, found);
      }
    }
    for (const [name, panel] of this.drawn) panel.figure.hidden = !byArray.has(name);
    for (const [name, found] of byArray) {
      if (!this.layer.arrays[name].shape.length) continue;
      if (!this.drawn.has(name)) {
        this.drawn.set(name, new Panel(this.layer, name, this.panels));
        if (this.target) this.panels.append(this.target.figure);
      }
      const panel = this.drawn.get(name);
      if (name === PRODUCT) panel.renew();
      panel.show(found, name === "x" ? kept : null);
    }
    if (!this.target) this.addTarget();
    this.target.show([this.index], null);
  }

  addTarget() {
    const panel = this.target = new Panel(this.layer, this.name, this.panels);
    panel.figure.className = "target";
    panel.svg.setAttribute("tabindex", "0");
    panel.svg.setAttribute("role", "application");
    panel.svg.setAttribute("aria-roledescription", "numbers to choose with the arrow keys");
    const point = event => {
      const box = panel.svg.getBoundingClientRect();
      const column = Math.floor((event.clientX - box.left) / box.width * panel.width);
      const row = Math.floor((event.clientY - box.top) / box.height * panel.height);
      this.moveTo(row + panel.r0, column + panel.c0);
    };
    panel.svg.addEventListener("pointermove", point);
    panel.svg.addEventListener("pointerdown", point);
    panel.svg.addEventListener("keydown", event => {
      const steps = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]};
      const step = steps[event.key];
      if (!step) return;
      event.preventDefault();
      const [row, column] = panel.cellOf(this.index);
      this.moveTo(row + step[0], column + step[1]);
    });
  }

  moveTo(row, column) {
    const panel = this.target;
    if (row < 0 || column < 0 || row >= panel.rows || column >= panel.columns) return;
    const index = panel.indexAt(row, column);
    if (index.some((k, axis) => k >= this.array.shape[axis])) return;
    if (String(index) === String(this.index)) return;
    this.index = index;
    this.update();
  }
}

if (typeof document !== "undefined") {
  if (innerWidth < 640) WRAP = 8;
  const layers = JSON.parse(document.getElementById("step").textContent);
  for (const host of document.querySelectorAll("details[data-layer]")) {
    const layer = layers[Number(host.dataset.layer)];
    for (const array of Object.values(layer.arrays))
      array.data = array.data.map(Number);  // "NaN" and "Infinity" are no JSON
    const begin = () => {
      if (host.open && !host.section) host.section = new Section(layer, host);
    };
    host.addEventListener("toggle", begin);
    begin();
  }
}
