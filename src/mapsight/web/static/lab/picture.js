// A picture file as grey pixels, decoded by the browser and made small; it is sent nowhere.

import { matrix } from "./convolve.js";

const MOST_BYTES = 50e6;
const MOST_PIXELS = 60e6;

/** Grey 0 … 255 (0.299 R + 0.587 G + 0.114 B over white), its longest side at most `side` pixels. */
export async function readPicture(file, side) {
  if (file.size > MOST_BYTES)
    throw new Error(`${file.size} bytes are more than this page opens; use a smaller picture`);
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Error("the browser cannot read this as a picture; use PNG or JPEG");
  }
  const pixels = bitmap.width * bitmap.height;
  if (pixels > MOST_PIXELS) {
    bitmap.close();
    throw new Error(
      `${bitmap.width} × ${bitmap.height} pixels are more than this page opens; use a smaller picture`,
    );
  }
  const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
  const [cols, rows] = [bitmap.width, bitmap.height].map((length) =>
    Math.max(1, Math.round(length * scale)),
  );
  const paper = new OffscreenCanvas(cols, rows).getContext("2d");
  paper.fillStyle = "#fff";
  paper.fillRect(0, 0, cols, rows);
  paper.imageSmoothingQuality = "high";
  paper.drawImage(bitmap, 0, 0, cols, rows);
  bitmap.close();
  const { data } = paper.getImageData(0, 0, cols, rows);
  const grey = matrix(rows, cols);
  for (let i = 0; i < grey.data.length; i++) {
    grey.data[i] = Math.round(
      0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2],
    );
  }
  return grey;
}
