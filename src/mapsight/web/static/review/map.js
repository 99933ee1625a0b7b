// The map: imagery, layers, findings, and the swipe between with and without.
import { INKS, KINDS } from "/kinds.js";
import { Map as WebMap, NavigationControl, ScaleControl } from "/static/vendor/maplibre-gl.mjs";
import { $, el } from "./dom.js";

const KIND = [
  "match",
  ["get", "kind"],
  ...Object.entries(KINDS).flatMap(([name, { colour }]) => [name, colour]),
  "#c8c8c8",
];
// solid is what is seen, dashed the map's line
const SOLID = [
  "in",
  ["get", "kind"],
  ["literal", Object.keys(KINDS).filter((name) => !KINDS[name].onMap)],
];
const DASHED = ["!", SOLID];
const BESIDE = Object.values(KINDS).find(({ seen }) => seen === "beside").colour;
const JUDGED = [
  "in",
  ["coalesce", ["feature-state", "verdict"], "none"],
  ["literal", ["accept", "reject", "unsure"]],
];
const NEAR = 0.5,
  ROOM_PX = 640; // zooms beyond the imagery's own, on a map of that size; a larger map shows the same ground larger
const EMPTY = { type: "FeatureCollection", features: [] };
const LAYERS = [
  // name, label, what of the style it switches, whether it is on at first
  ["image", "Imagery", ["image"], true],
  ["map", "Existing map", ["map-casing", "map"], true],
  ["predicted", "Predicted roads", ["predicted"], false],
  ["probability", "Probability", ["probability"], false],
  [
    "findings",
    "Findings",
    [
      "seen-casing",
      "seen",
      "findings-casing",
      "findings",
      "findings-dashed",
      "open-glow",
      "open-seen",
    ],
    true,
  ],
];

const toDegrees = ([x, y]) => [
  (x / 20037508.342789244) * 180,
  (Math.atan(Math.sinh(y / 6378137)) * 180) / Math.PI,
];
export const isCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

function makeSources(review) {
  const [left, bottom, right, top] = review.image_bounds;
  const bounds = [...toDegrees([left, bottom]), ...toDegrees([right, top])];
  const minzoom = Math.max(
    0,
    Math.floor(Math.log2(40075016 / Math.max(right - left, top - bottom))) - 1,
  );
  const raster = (name) => ({
    type: "raster",
    tileSize: 256,
    bounds,
    minzoom,
    maxzoom: review.native_zoom,
    tiles: [`${location.origin}/tiles/${name}/{z}/{x}/{y}?v=${review.stamp}`],
  });
  const lines = (name) => ({
    type: "geojson",
    data: `${location.origin}/layers/${name}`,
    tolerance: 0.2,
  });
  const sources = { image: raster("image"), open: { type: "geojson", data: EMPTY } };
  if (review.rasters.includes("probability")) sources.probability = raster("probability");
  for (const name of ["map", "predicted", "seen", "findings"]) sources[name] = lines(name);
  return { sources, bounds };
}

function makeLayers(sources) {
  const line = (id, source, paint, more = {}) => ({
    id,
    type: "line",
    source,
    layout: { "line-cap": more.flat ? "butt" : "round", "line-join": "round" },
    paint,
    ...(more.filter && { filter: more.filter }),
  });
  const scale = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16; // letters and lines grow together
  const wide = (near, far) => [
    "interpolate",
    ["linear"],
    ["zoom"],
    12,
    far * scale,
    18,
    near * scale,
  ];
  const faint = ["case", JUDGED, 0.45, 1];
  const layers = [
    { id: "ground", type: "background", paint: { "background-color": "#3a3f3c" } },
    { id: "image", type: "raster", source: "image", paint: { "raster-fade-duration": 0 } },
    {
      id: "probability",
      type: "raster",
      source: "probability",
      paint: { "raster-fade-duration": 0, "raster-opacity": 0.85 },
    },
    line("map-casing", "map", {
      "line-color": INKS.dark,
      "line-opacity": 0.55,
      "line-width": wide(4.4, 2),
    }),
    line("map", "map", {
      "line-color": INKS.map,
      "line-width": wide(1.8, 0.8),
      "line-opacity": 0.9,
    }),
    line("predicted", "predicted", { "line-color": INKS.prediction, "line-width": wide(1.8, 1) }),
    line("seen-casing", "seen", {
      "line-color": INKS.dark,
      "line-opacity": 0.6,
      "line-width": wide(6, 3),
    }),
    line("seen", "seen", { "line-color": BESIDE, "line-width": wide(3, 1.6) }),
    line("findings-casing", "findings", {
      "line-color": INKS.dark,
      "line-opacity": ["case", JUDGED, 0.3, 0.65],
      "line-width": wide(7.5, 5),
    }),
    line(
      "findings",
      "findings",
      { "line-color": KIND, "line-width": wide(4, 3), "line-opacity": faint },
      { filter: SOLID },
    ),
    line(
      "findings-dashed",
      "findings",
      {
        "line-color": KIND,
        "line-width": wide(4, 3),
        "line-opacity": faint,
        "line-dasharray": [2, 1.4],
      },
      { filter: DASHED, flat: true },
    ),
    line("open-glow", "open", {
      "line-color": "#ffffff",
      "line-width": wide(15, 11),
      "line-blur": 3,
      "line-opacity": 0.55,
    }),
    line(
      "open-seen",
      "open",
      { "line-color": "#7dff9a", "line-width": wide(3.4, 2.4) },
      { filter: ["==", ["get", "role"], "edited"] },
    ),
  ];
  const glow = layers.splice(
    layers.findIndex(({ id }) => id === "open-glow"),
    1,
  )[0];
  layers.splice(
    layers.findIndex(({ id }) => id === "seen-casing"),
    0,
    glow,
  ); // under the findings
  return layers.filter(({ source }) => !source || source in sources);
}

export function makeMap(state, review) {
  const { sources, bounds } = makeSources(review);
  const options = {
    attributionControl: false,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    maxZoom: review.most_zoom,
    fadeDuration: 0,
    bounds,
  };
  const map = new WebMap({
    ...options,
    container: "map",
    style: { version: 8, sources, layers: makeLayers(sources) },
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  map.addControl(new NavigationControl({ showCompass: false }), "top-right");
  map.addControl(
    new ScaleControl({
      maxWidth: 7.5 * parseFloat(getComputedStyle(document.documentElement).fontSize),
    }),
    "bottom-right",
  );
  map.getCanvas().setAttribute("aria-label", "Map of the findings over the imagery");
  const ready = new Promise((resolve) => map.once("style.load", resolve));
  const loaded = new Set();

  function flyTo(number) {
    const [west, south, east, north] = state.findings.bounds[number];
    const size = map.getContainer(),
      room = Math.min(size.clientWidth, size.clientHeight);
    const maxZoom = review.native_zoom + NEAR + Math.max(-0.5, Math.log2(room / ROOM_PX));
    map.fitBounds(
      [
        [west, south],
        [east, north],
      ],
      { padding: Math.round(room * 0.2), maxZoom, duration: isCalm() ? 0 : 500 },
    );
  }

  function showOpen(lines) {
    // [{role, line}]
    ready.then(() =>
      map.getSource("open").setData({
        type: "FeatureCollection",
        features: lines.map(({ role, line }) => ({
          type: "Feature",
          properties: { role },
          geometry: { type: "LineString", coordinates: line },
        })),
      }),
    );
  }

  function paintVerdicts(numbers) {
    if (loaded.has("findings"))
      for (const n of numbers)
        map.setFeatureState({ source: "findings", id: n }, { verdict: state.verdictOf(n).verdict });
  }

  function filter() {
    const all = state.shown.length === state.count,
      only = ["in", ["id"], ["literal", state.shown]];
    const both = (kept) => (all ? kept : kept ? ["all", kept, only] : only);
    map.setFilter("findings-casing", both(null));
    map.setFilter("findings", both(SOLID));
    map.setFilter("findings-dashed", both(DASHED));
  }

  map.on("sourcedata", (event) => {
    if (event.sourceId !== "findings" || !event.isSourceLoaded || loaded.has("findings")) return;
    loaded.add("findings");
    paintVerdicts([...state.said.keys()]);
  });
  for (const layer of ["findings", "findings-dashed"]) {
    map.on("click", layer, (event) => {
      if (!map.isEditing) state.open(event.features[0].id);
    });
    map.on("mouseenter", layer, () => {
      map.getCanvas().style.cursor = "pointer";
    });
    map.on("mouseleave", layer, () => {
      map.getCanvas().style.cursor = "";
    });
  }
  state.addEventListener("open", ({ detail }) => flyTo(detail));
  state.addEventListener("said", ({ detail }) => paintVerdicts(detail));
  state.addEventListener("filter", () => ready.then(filter));
  const switches = makeSwitches(map, ready, sources);
  const swipe = makeSwipe(map, options, sources);
  noteShift(review);
  return { map, flyTo, showOpen, toggleLayer: switches.toggle, toggleSwipe: swipe.toggle };
}

function makeSwitches(map, ready, sources) {
  const boxes = {};
  const apply = (_name, ids, on) =>
    ready.then(() => {
      for (const id of ids)
        if (map.getLayer(id)) map.setLayoutProperty(id, "visibility", on ? "visible" : "none");
    });
  for (const [name, label, ids, on] of LAYERS) {
    if (!(name in sources)) continue;
    boxes[name] = el("input", {
      type: "checkbox",
      checked: on,
      onchange: (event) => apply(name, ids, event.target.checked),
    });
    $("layer-switches").append(
      el("label", { class: "check" }, boxes[name], el("span", { class: `swatch ${name}` }), label),
    );
    if (!on) apply(name, ids, false);
  }
  $("layer-switches").append(
    el(
      "button",
      { type: "button", id: "swipe-switch", "aria-pressed": "false" },
      "Swipe ",
      el("kbd", {}, "s"),
    ),
  );
  const toggle = (name) => boxes[name]?.click();
  return { toggle };
}

function makeSwipe(map, options, sources) {
  const handle = $("swipe"),
    pane = $("bare"),
    button = $("swipe-switch");
  let bare = null,
    share = 50;
  const follow = () => bare?.jumpTo({ center: map.getCenter(), zoom: map.getZoom() });
  function place(value) {
    share = Math.min(98, Math.max(2, value));
    handle.style.left = `${share}%`;
    handle.setAttribute("aria-valuenow", Math.round(share));
    pane.style.clipPath = `inset(0 ${100 - share}% 0 0)`;
  }
  function toggle() {
    const on = handle.hidden;
    handle.hidden = pane.hidden = !on;
    button.setAttribute("aria-pressed", on);
    if (!on) {
      map.off("move", follow);
      bare?.remove();
      bare = null;
      return;
    }
    const style = {
      version: 8,
      sources: { image: sources.image },
      layers: makeLayers({ image: sources.image }),
    };
    bare = new WebMap({
      ...options,
      bounds: undefined,
      center: map.getCenter(),
      zoom: map.getZoom(),
      container: "bare",
      style,
      interactive: false,
    });
    bare.getCanvas().setAttribute("aria-hidden", "true");
    bare.getCanvas().tabIndex = -1;
    map.on("move", follow);
    place(share);
    handle.focus({ preventScroll: true });
  }
  handle.addEventListener("pointerdown", (event) => {
    handle.setPointerCapture(event.pointerId);
    event.preventDefault();
    handle.focus();
  });
  handle.addEventListener("pointermove", (event) => {
    if (!handle.hasPointerCapture(event.pointerId)) return;
    const box = $("map").getBoundingClientRect();
    place(((event.clientX - box.left) / box.width) * 100);
  });
  handle.addEventListener("keydown", (event) => {
    const step = {
      ArrowLeft: -2,
      ArrowRight: 2,
      ArrowDown: -2,
      ArrowUp: 2,
      PageDown: -10,
      PageUp: 10,
      Home: -100,
      End: 100,
    }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    place(share + step);
  });
  button.addEventListener("click", toggle);
  return { toggle };
}

function noteShift(review) {
  const [east, north] = review.shift_m,
    length = Math.hypot(east, north);
  if (length < 1) return;
  const parts = [
    [-east, "east", "west"],
    [-north, "north", "south"],
  ]
    .filter(([v]) => Math.abs(v) >= 0.05)
    .map(([v, plus, minus]) => `${Math.abs(v).toFixed(1)} m ${v > 0 ? plus : minus}`);
  $("map-note").textContent = `The imagery is moved ${parts.join(" and ")} to fit the map.`;
  $("map-note").hidden = false;
}
