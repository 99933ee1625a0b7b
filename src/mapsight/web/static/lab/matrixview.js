// A matrix on a canvas: cells, numbers where they fit, a selected cell, marked cells, padding around it.
// Pointer and arrow keys move the selection; where it can be painted, pointer and space bar paint.

import { inkOn, onTheme } from "./colour.js";
import { announce, letterPx } from "./dom.js";

const MARK = "#ff9a1f";
const LEAST_FONT_REM = 0.52;
const STEPS = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  PageUp: [-5, 0],
  PageDown: [5, 0],
};
const NO_MARGIN = { top: 0, left: 0, bottom: 0, right: 0 };

export class MatrixView {
  /**
   * `shown()` gives { rows, cols, data, shade, text } when it is drawn; `onMove(row, col)` follows the selection;
   * `onPaint(row, col, start)` makes it a matrix to paint on; `most` is the largest side of a cell
   * and `widest` that of the matrix, in rem.
   */
  constructor(canvas, { shown, onMove, onPaint, most = 2.9, widest = 60 }) {
    Object.assign(this, { canvas, shown, onMove, onPaint, most, widest });
    this.row = this.col = 0;
    this.selecting = Boolean(onMove);
    this.marks = [];
    this.within = null;
    this.margin = NO_MARGIN;
    canvas.classList.add("matrix");
    if (onPaint) canvas.classList.add("paintable");
    if (onMove || onPaint) {
      canvas.tabIndex = 0;
      canvas.setAttribute("role", "application");
    } else canvas.setAttribute("role", "img");
    canvas.addEventListener("pointerdown", (event) => this.#press(event));
    canvas.addEventListener("pointermove", (event) => this.#glide(event));
    canvas.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.draw()).observe(canvas);
    onTheme(() => this.draw());
  }

  select(row, col) {
    const { rows, cols } = this.shown();
    this.row = Math.min(Math.max(row, 0), rows - 1);
    this.col = Math.min(Math.max(col, 0), cols - 1);
  }

  #press(event) {
    const at = this.#cellAt(event);
    if (!at) return;
    if (this.onPaint) {
      this.canvas.setPointerCapture(event.pointerId);
      event.preventDefault();
      this.canvas.focus({ preventScroll: true });
      this.select(...at);
      this.onPaint(...at, true);
    } else this.#moveTo(...at);
  }

  #glide(event) {
    const at = this.#cellAt(event);
    if (!at) return;
    if (this.onPaint) {
      if (event.buttons & 1) {
        for (const each of event.getCoalescedEvents?.() ?? [event]) {
          const between = this.#cellAt(each);
          if (between) this.onPaint(...between, false);
        }
      }
    } else if (event.pointerType !== "touch" || event.buttons) this.#moveTo(...at);
  }

  #key(event) {
    if (!this.onMove && !this.onPaint) return;
    const { rows, cols } = this.shown();
    let next = null;
    if (event.key in STEPS) next = [this.row + STEPS[event.key][0], this.col + STEPS[event.key][1]];
    else if (event.key === "Home") next = [event.ctrlKey ? 0 : this.row, 0];
    else if (event.key === "End") next = [event.ctrlKey ? rows - 1 : this.row, cols - 1];
    else if (event.key === "Enter") this.onMove?.(this.row, this.col);
    else if (event.key === " " && this.onPaint) {
      event.preventDefault();
      this.onPaint(this.row, this.col, true);
    }
    if (!next || event.altKey || event.metaKey) return;
    event.preventDefault();
    this.#moveTo(...next);
    if (event.shiftKey && this.onPaint) this.onPaint(this.row, this.col, false);
    const { data, text } = this.shown();
    announce(
      `row ${this.row + 1}, column ${this.col + 1}: ${(text ?? String)(data[this.row * cols + this.col])}`,
    );
  }

  #moveTo(row, col) {
    const before = [this.row, this.col];
    this.select(row, col);
    if (before[0] === this.row && before[1] === this.col) return;
    this.draw();
    this.onMove?.(this.row, this.col);
  }

  /** The cell under a pointer; while a stroke goes on, the nearest one. */
  #cellAt(event) {
    const { rows, cols } = this.shown();
    const frame = this.canvas.getBoundingClientRect();
    const side = this.#side(frame.width);
    const row = Math.floor((event.clientY - frame.top) / side) - this.margin.top;
    const col = Math.floor((event.clientX - frame.left) / side) - this.margin.left;
    return row >= 0 && row < rows && col >= 0 && col < cols ? [row, col] : null;
  }

  #side(width) {
    return width / (this.shown().cols + this.margin.left + this.margin.right);
  }

  /** Sets the canvas's size to what the page gives it, in device pixels, and draws. */
  draw() {
    const { rows, cols, data, shade, text } = this.shown();
    if (!rows || !cols) return;
    const across = cols + this.margin.left + this.margin.right;
    const down = rows + this.margin.top + this.margin.bottom;
    this.canvas.style.maxWidth = `${Math.min(across * this.most, this.widest)}rem`;
    this.canvas.style.aspectRatio = `${across} / ${down}`;
    const width = this.canvas.clientWidth;
    if (!width) return;
    const ratio = devicePixelRatio || 1;
    const side = this.#side(width) * ratio;
    this.canvas.width = Math.round(across * side);
    this.canvas.height = Math.round(down * side);
    const paper = this.canvas.getContext("2d");
    this.#drawCells(paper, { rows, cols, data, shade }, side);
    if (side / ratio > 7) this.#drawGrid(paper, rows, cols, side, ratio);
    if (text) this.#drawNumbers(paper, { rows, cols, data, shade, text }, side, ratio);
    if (this.within) this.#drawBorder(paper, rows, cols, side, ratio);
    for (const mark of this.marks) this.#outline(paper, mark, side, ratio, MARK);
    if (this.selecting || (this.onPaint && document.activeElement === this.canvas)) {
      this.#outline(
        paper,
        { row: this.row, col: this.col, rows: 1, cols: 1 },
        side,
        ratio,
        "#41cdf7",
      );
    }
  }

  #drawCells(paper, { rows, cols, data, shade }, side) {
    const picture = new ImageData(cols, rows);
    for (let i = 0; i < rows * cols; i++) {
      if (Number.isNaN(data[i])) continue; // no cell
      const [r, g, b] = shade(data[i]);
      picture.data.set([r, g, b, 255], 4 * i);
    }
    const small = new OffscreenCanvas(cols, rows);
    small.getContext("2d").putImageData(picture, 0, 0);
    paper.imageSmoothingEnabled = false;
    paper.drawImage(
      small,
      this.margin.left * side,
      this.margin.top * side,
      cols * side,
      rows * side,
    );
  }

  #drawGrid(paper, rows, cols, side, ratio) {
    const { top, left, bottom, right } = this.margin;
    paper.lineWidth = ratio;
    paper.strokeStyle = "#7f858866";
    paper.beginPath();
    for (let r = 0; r <= rows + top + bottom; r++) paper.rect(0, r * side, this.canvas.width, 0);
    for (let c = 0; c <= cols + left + right; c++) paper.rect(c * side, 0, 0, this.canvas.height);
    paper.stroke();
  }

  #drawNumbers(paper, { rows, cols, data, shade, text }, side, ratio) {
    const least = LEAST_FONT_REM * letterPx() * ratio;
    if (side < least * 1.6) return;
    const texts = Array.from(data, text);
    const longest = Math.max(...texts.map((t) => t.length));
    const font = Math.min(side * 0.44, (side - 4 * ratio) / (Math.max(longest, 2) * 0.6));
    if (font < least) return;
    paper.font = `${font}px system-ui, sans-serif`;
    paper.textAlign = "center";
    paper.textBaseline = "middle";
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < cols; c++) {
        const i = r * cols + c;
        if (Number.isNaN(data[i])) continue;
        paper.fillStyle = inkOn(shade(data[i]));
        paper.fillText(
          texts[i],
          (c + this.margin.left + 0.5) * side,
          (r + this.margin.top + 0.53) * side,
        );
      }
    }
  }

  /** The border between cells that `within(index)` holds for and those it does not. */
  #drawBorder(paper, rows, cols, side, ratio) {
    const path = new Path2D();
    const inside = (r, c) => r >= 0 && r < rows && c >= 0 && c < cols && this.within(r * cols + c);
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < cols; c++) {
        if (!inside(r, c)) continue;
        const [x, y] = [c * side, r * side];
        const sides = [
          [r - 1, c, x, y, x + side, y],
          [r + 1, c, x, y + side, x + side, y + side],
          [r, c - 1, x, y, x, y + side],
          [r, c + 1, x + side, y, x + side, y + side],
        ];
        for (const [nr, nc, x0, y0, x1, y1] of sides) {
          if (inside(nr, nc)) continue;
          path.moveTo(x0, y0);
          path.lineTo(x1, y1);
        }
      }
    }
    for (const [width, ink] of [
      [5 * ratio, "#14181b"],
      [3 * ratio, MARK],
    ]) {
      paper.lineWidth = width;
      paper.strokeStyle = ink;
      paper.stroke(path);
    }
  }

  /** Cells framed in a bright line between dark ones, so that it shows on any colour. */
  #outline(paper, { row, col, rows, cols }, side, ratio, colour) {
    if (rows === 1 && cols === 1 && side < 9 * ratio && colour === MARK) {
      paper.fillStyle = colour;
      paper.fillRect(
        (col + this.margin.left + 0.2) * side,
        (row + this.margin.top + 0.2) * side,
        0.6 * side,
        0.6 * side,
      );
      return;
    }
    const width = Math.max(1.2 * ratio, Math.min(0.18 * letterPx() * ratio, side / 6));
    const grown = Math.max(0.55 * letterPx() * ratio - Math.max(cols, rows) * side, 0) / 2; // a frame around a cell too small to see
    const [x, y] = [
      (col + this.margin.left) * side - grown,
      (row + this.margin.top) * side - grown,
    ];
    const frame = [x, y, cols * side + 2 * grown, rows * side + 2 * grown];
    paper.lineJoin = "round";
    for (const [line, ink] of [
      [width + 2 * ratio, "#14181b"],
      [width, colour],
    ]) {
      paper.lineWidth = line;
      paper.strokeStyle = ink;
      paper.strokeRect(...frame);
    }
  }
}

/** A still picture of a map for buttons: one pixel a cell, enlarged by CSS. */
export function drawSmall(canvas, { rows, cols, data, shade }) {
  canvas.width = cols;
  canvas.height = rows;
  const picture = new ImageData(cols, rows);
  for (let i = 0; i < rows * cols; i++) picture.data.set([...shade(data[i]), 255], 4 * i);
  canvas.getContext("2d").putImageData(picture, 0, 0);
}
