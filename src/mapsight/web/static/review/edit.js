// Mending the proposed line before it is accepted: terra-draw for the mouse, and keys that do the same.
import { $, el } from "./dom.js";

const SCRIPTS = [
  "/static/vendor/terra-draw.umd.js",
  "/static/vendor/terra-draw-maplibre-gl-adapter.umd.js",
];
const round = ([x, y]) => [Math.round(x * 1e7) / 1e7, Math.round(y * 1e7) / 1e7];

function load(src) {
  // once, when it is first needed: the page starts without it
  return new Promise((resolve, reject) => {
    document.head.append(
      el("script", {
        src,
        onload: resolve,
        onerror: () => reject(new Error(`${src} cannot be loaded`)),
      }),
    );
  });
}

export class Editor {
  #map;
  #draw = null;
  #id = null;
  #point = 0;
  #done = null;
  #ready = null;
  #turn = 0;

  constructor(map) {
    this.#map = map;
  }

  get busy() {
    return this.#id !== null;
  }

  // Resolves to the new line, or to null where it was left as it was.
  async edit(line) {
    if (this.busy) return null;
    const turn = ++this.#turn;
    this.#ready ??= SCRIPTS.reduce(
      (before, src) => before.then(() => load(src)),
      Promise.resolve(),
    );
    await this.#ready;
    if (turn !== this.#turn) return null; // another finding was opened, or `e` pressed again, in the meantime
    this.#start();
    const feature = {
      type: "Feature",
      properties: { mode: "linestring" },
      geometry: { type: "LineString", coordinates: line.map(round) },
    };
    const [kept] = this.#draw.addFeatures([feature]);
    if (!kept.valid) {
      this.#stop();
      throw new Error(`this line cannot be edited (${kept.reason})`);
    }
    this.#id =
      kept.id ?? this.#draw.getSnapshot().find(({ geometry }) => geometry.type === "LineString").id;
    this.#map.isEditing = true;
    this.#point = 0;
    const result = new Promise((resolve) => {
      this.#done = resolve;
    });
    this.#showBar();
    this.#draw.selectFeature(this.#id);
    return result;
  }

  get line() {
    return this.#draw.getSnapshotFeature(this.#id).geometry.coordinates.map(round);
  }

  finish(keep) {
    this.#turn++;
    if (!this.busy) return;
    const line = keep ? this.line : null,
      done = this.#done;
    this.#stop();
    done(line);
  }

  // True where the key was one of the editor's.
  key(event) {
    const far = event.shiftKey ? 10 : 1;
    const act = {
      Enter: () => this.finish(true),
      Escape: () => this.finish(false),
      "[": () => this.#choose(-1),
      "]": () => this.#choose(1),
      ArrowLeft: () => this.#nudge(-far, 0),
      ArrowRight: () => this.#nudge(far, 0),
      ArrowUp: () => this.#nudge(0, -far),
      ArrowDown: () => this.#nudge(0, far),
      "+": () => this.#insert(),
      Delete: () => this.#remove(),
      Backspace: () => this.#remove(),
    }[event.key];
    if (!act) return false;
    act();
    return true;
  }

  #start() {
    const { TerraDraw, TerraDrawSelectMode, TerraDrawLineStringMode } = globalThis.terraDraw;
    const { TerraDrawMapLibreGLAdapter } = globalThis.terraDrawMaplibreGlAdapter;
    const styles = {
      selectedLineStringColor: "#7dff9a",
      selectedLineStringWidth: 4,
      selectionPointColor: "#ffffff",
      selectionPointOutlineColor: "#14181b",
      selectionPointWidth: 6,
      midPointColor: "#7dff9a",
      midPointOutlineColor: "#14181b",
      midPointWidth: 4,
    };
    const coordinates = { midpoints: true, draggable: true, deletable: true };
    this.#draw = new TerraDraw({
      adapter: new TerraDrawMapLibreGLAdapter({ map: this.#map }),
      modes: [
        new TerraDrawLineStringMode(),
        new TerraDrawSelectMode({
          styles,
          keyEvents: null,
          flags: { linestring: { feature: { draggable: true, coordinates } } },
        }),
      ],
    });
    this.#draw.start();
    this.#draw.setMode("select");
    this.#draw.on("change", () => {
      if (this.busy) this.#mark();
    });
  }

  #stop() {
    this.#draw?.stop();
    this.#draw = null;
    this.#id = null;
    this.#map.isEditing = false;
    $("edit-bar").hidden = true;
    this.#map.getSource("edit-point")?.setData({ type: "FeatureCollection", features: [] });
  }

  #choose(by) {
    const count = this.line.length;
    this.#point = (this.#point + by + count) % count;
    this.#mark();
  }

  #change(change) {
    const line = this.line;
    change(line);
    this.#draw.updateFeatureGeometry(this.#id, {
      type: "LineString",
      coordinates: line.map(round),
    });
    this.#mark();
  }

  #nudge(right, down) {
    // in pixels of the screen, so zooming in makes it finer
    this.#change((line) => {
      const at = this.#map.project(line[this.#point]);
      line[this.#point] = this.#map.unproject([at.x + right, at.y + down]).toArray();
    });
  }

  #insert() {
    this.#change((line) => {
      const from = Math.min(this.#point, line.length - 2),
        [a, b] = [line[from], line[from + 1]];
      line.splice(from + 1, 0, [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2]);
      this.#point = from + 1;
    });
  }

  #remove() {
    if (this.line.length <= 2) return;
    this.#change((line) => {
      line.splice(this.#point, 1);
      this.#point = Math.min(this.#point, line.length - 1);
    });
  }

  #mark() {
    // the point that the keys move
    const line = this.line;
    this.#point = Math.min(this.#point, line.length - 1);
    const data = {
      type: "Feature",
      properties: {},
      geometry: { type: "Point", coordinates: line[this.#point] },
    };
    if (this.#map.getSource("edit-point")) this.#map.getSource("edit-point").setData(data);
    else {
      this.#map.addSource("edit-point", { type: "geojson", data });
      this.#map.addLayer({
        id: "edit-point",
        type: "circle",
        source: "edit-point",
        paint: {
          "circle-radius": 11,
          "circle-color": "#7dff9a",
          "circle-opacity": 0.25,
          "circle-stroke-color": "#7dff9a",
          "circle-stroke-width": 2.5,
        },
      });
    }
    $("edit-point").textContent = `point ${this.#point + 1} of ${line.length}`;
  }

  #showBar() {
    const key = (name) => el("kbd", {}, name);
    $("edit-bar").replaceChildren(
      el(
        "p",
        {},
        "Drag the points of the line, or ",
        key("["),
        " ",
        key("]"),
        " choose one (",
        el("output", { id: "edit-point" }),
        "), the arrow keys move it, ",
        key("+"),
        " adds one, ",
        key("Del"),
        " removes it.",
      ),
      el(
        "div",
        { class: "row-of-buttons" },
        el(
          "button",
          { type: "button", class: "chief button", onclick: () => this.finish(true) },
          "Use this line ",
          key("Enter"),
        ),
        el(
          "button",
          { type: "button", onclick: () => this.finish(false) },
          "Leave it as it was ",
          key("Esc"),
        ),
      ),
    );
    $("edit-bar").hidden = false;
    this.#mark();
  }
}
