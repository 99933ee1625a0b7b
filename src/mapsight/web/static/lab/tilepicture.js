// The picture of a tile with what lies over it; a pixel is chosen by pointer or arrow keys.

import { INKS, KINDS } from "/kinds.js";
import { announce, letterPx } from "./dom.js";

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

export class TilePicture {
  /** `onMove(row, col)` follows the chosen pixel; `layers` says what is drawn over the photograph. */
  constructor(canvas, onMove) {
    Object.assign(this, {
      canvas,
      onMove,
      tile: null,
      image: null,
      row: 0,
      col: 0,
      window: null,
      finding: null,
    });
    this.layers = { probability: false, map: true, seen: false, findings: true, planted: false };
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.addEventListener("pointerdown", (event) => this.#point(event));
    canvas.addEventListener("pointermove", (event) => event.buttons & 1 && this.#point(event));
    canvas.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  show(tile, image, probability) {
    Object.assign(this, { tile, image, window: null });
    this.heat = paintProbability(probability, tile);
    this.draw();
  }

  move(row, col) {
    this.row = Math.min(Math.max(row, 0), this.tile.height - 1);
    this.col = Math.min(Math.max(col, 0), this.tile.width - 1);
    this.draw();
  }

  #point(event) {
    if (!this.tile) return;
    const frame = this.canvas.getBoundingClientRect();
    const scale = this.tile.width / frame.width;
    this.move(
      Math.floor((event.clientY - frame.top) * scale),
      Math.floor((event.clientX - frame.left) * scale),
    );
    this.onMove(this.row, this.col);
  }

  #key(event) {
    if (!(event.key in STEPS) || !this.tile || event.altKey || event.metaKey) return;
    event.preventDefault();
    const [down, across] = STEPS[event.key].map((step) => step * (event.shiftKey ? 10 : 1));
    this.move(this.row + down, this.col + across);
    this.onMove(this.row, this.col);
    announce(`pixel row ${this.row}, column ${this.col}`);
  }

  draw() {
    const { tile, canvas } = this;
    if (!tile || !canvas.clientWidth) return;
    const ratio = (canvas.clientWidth * (devicePixelRatio || 1)) / tile.width;
    canvas.style.aspectRatio = `${tile.width} / ${tile.height}`;
    canvas.width = Math.round(tile.width * ratio);
    canvas.height = Math.round(tile.height * ratio);
    const paper = canvas.getContext("2d");
    paper.imageSmoothingEnabled = false;
    paper.drawImage(this.image, 0, 0, canvas.width, canvas.height);
    if (this.layers.probability) paper.drawImage(this.heat, 0, 0, canvas.width, canvas.height);
    paper.scale(ratio, ratio);
    paper.lineJoin = paper.lineCap = "round";
    const unit = (0.13 * letterPx() * (devicePixelRatio || 1)) / ratio;
    if (this.layers.map) for (const line of tile.map) stroke(paper, line, "#fff", unit);
    if (this.layers.seen) for (const line of tile.seen) stroke(paper, line, INKS.prediction, unit);
    if (this.layers.planted)
      for (const { line } of tile.planted) stroke(paper, line, "#fff", 2.4 * unit, [1, 2.6 * unit]);
    if (this.layers.findings) {
      for (const finding of tile.findings)
        stroke(
          paper,
          finding.line,
          KINDS[finding.kind].colour,
          (finding.id === this.finding ? 3 : 1.8) * unit,
        );
    }
    if (this.window) frame(paper, this.window, "#ff9a1f", unit);
    this.#cross(paper, unit);
  }

  #cross(paper, unit) {
    const [x, y, arm] = [this.col + 0.5, this.row + 0.5, 9 * unit];
    for (const [width, ink] of [
      [2.6 * unit, "#14181b"],
      [1.1 * unit, "#fff"],
    ]) {
      paper.lineWidth = width;
      paper.strokeStyle = ink;
      paper.beginPath();
      for (const [dx, dy] of [
        [1, 0],
        [-1, 0],
        [0, 1],
        [0, -1],
      ]) {
        paper.moveTo(x + dx * 2.5 * unit, y + dy * 2.5 * unit);
        paper.lineTo(x + dx * arm, y + dy * arm);
      }
      paper.stroke();
    }
  }
}

function stroke(paper, line, colour, width, dash = []) {
  const path = new Path2D();
  for (const [i, [x, y]] of line.entries()) path[i ? "lineTo" : "moveTo"](x, y);
  paper.setLineDash(dash);
  for (const [wide, ink] of [
    [width * 1.9, "#14181bcc"],
    [width, colour],
  ]) {
    paper.lineWidth = wide;
    paper.strokeStyle = ink;
    paper.stroke(path);
  }
  paper.setLineDash([]);
}

function frame(paper, [x, y, width, height], colour, unit) {
  for (const [wide, ink] of [
    [2.6 * unit, "#14181b"],
    [1.2 * unit, colour],
  ]) {
    paper.lineWidth = wide;
    paper.strokeStyle = ink;
    paper.strokeRect(x, y, width, height);
  }
}

/** Yellow where the net sees a road, more opaque the surer it is. */
function paintProbability(probability, { height, width }) {
  const picture = new ImageData(width, height);
  for (const [at, p] of probability.entries())
    picture.data.set([232, 255, 92, Math.round(p * 200)], 4 * at);
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d").putImageData(picture, 0, 0);
  return canvas;
}
