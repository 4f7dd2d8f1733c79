import type { Picture } from "./facecapture.js";

/** Widest picture that is encoded, pixels. */
const MAX_WIDTH = 640;

/** Pixels of a camera's frames, RGBA, no wider than 640. */
export class FramePixels {
  #canvas: OffscreenCanvas | null = null;
  #context: OffscreenCanvasRenderingContext2D | null = null;

  /** The frame stays the caller's. */
  async read(frame: VideoFrame): Promise<Picture | null> {
    const scale = Math.min(1, MAX_WIDTH / frame.displayWidth);
    // Even sizes: what is encoded may have half as many colours each way.
    const width = Math.max(2, Math.round((frame.displayWidth * scale) / 2) * 2);
    const height = Math.max(2, Math.round((frame.displayHeight * scale) / 2) * 2);
    const context = this.#sized(width, height);
    if (!context) return null;
    context.drawImage(frame, 0, 0, width, height);
    return { pixels: context.getImageData(0, 0, width, height).data, width, height };
  }

  #sized(width: number, height: number): OffscreenCanvasRenderingContext2D | null {
    if (this.#canvas?.width !== width || this.#canvas.height !== height) {
      this.#canvas = new OffscreenCanvas(width, height);
      this.#context = this.#canvas.getContext("2d", { willReadFrequently: true, alpha: false });
    }
    return this.#context;
  }
}
