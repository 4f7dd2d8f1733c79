import type { Scene, ScenePatch, SceneResidual } from "../codec/types.js";
import type { Drawable } from "./painter.js";
import { Program } from "./program.js";
import { COLOUR, EVERYWHERE, PATCH, WARP } from "./shaders.js";
import { exactTexture, type Plane, Textures } from "./textures.js";

/** Of a place between samples: 64ths. */
const PHASES = 64;

/** A residual that says nothing. */
const NO_RESIDUAL: SceneResidual = { width: 1, height: 1, samples: new Int8Array(1) };

/** A plane of the picture, to be drawn in. */
interface Target {
  readonly texture: WebGLTexture;
  readonly buffer: WebGLFramebuffer;
}

/**
 * Draws scenes with WebGL2: both planes of a picture one after the other, each as a warped source and
 * patches over it; then their colours, into the upper left corner of a canvas that grows as needed.
 */
export class GlDrawer {
  readonly canvas: OffscreenCanvas;
  readonly #gl: WebGL2RenderingContext;
  readonly #warp: Program;
  readonly #patch: Program;
  readonly #colour: Program;
  readonly #textures: Textures;
  readonly #motion: WebGLTexture;
  readonly #residual: WebGLTexture;
  readonly #planes: { luma: Target; chroma: Target };
  #isReady = false;
  /** Pixels that there is room for. */
  #room = { width: 0, height: 0 };

  /** Throws where there is no WebGL2. */
  constructor(canvas = new OffscreenCanvas(1, 1)) {
    const gl = canvas.getContext("webgl2", {
      alpha: false,
      antialias: false,
      depth: false,
      stencil: false,
      powerPreference: "low-power",
    });
    if (!gl) throw new Error("no WebGL2");
    this.canvas = canvas;
    this.#gl = gl;
    this.#warp = new Program(gl, EVERYWHERE, WARP);
    this.#patch = new Program(gl, EVERYWHERE, PATCH);
    this.#colour = new Program(gl, EVERYWHERE, COLOUR);
    this.#textures = new Textures(gl);
    this.#motion = exactTexture(gl);
    this.#residual = exactTexture(gl);
    this.#planes = { luma: target(gl), chroma: target(gl) };
    gl.bindVertexArray(gl.createVertexArray());
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
  }

  /** Whether it can draw yet. Throws where it never will. */
  get ready(): boolean {
    this.#isReady ||= [this.#warp, this.#patch, this.#colour].every(({ ready }) => ready);
    return this.#isReady;
  }

  get lost(): boolean {
    return this.#gl.isContextLost();
  }

  /** Bytes of textures that are held of a decoder. */
  bytesOf(decoder: Drawable): number {
    return this.#textures.bytesOf(decoder);
  }

  /** Draws a frame, which may take some time yet. `false` where its plug-in does not tell what it is made of. */
  draw(decoder: Drawable, frame: number, width: number, height: number): boolean {
    const scene = decoder.scene(frame, width);
    if (!scene) return false;
    this.#grow(width, height);
    this.#uploadMotion(scene);
    const [chromaWidth, chromaHeight] = [Math.ceil(width / 2), Math.ceil(height / 2)];
    this.#drawPlane(decoder, scene, "luma", width, height);
    this.#drawPlane(decoder, scene, "chroma", chromaWidth, chromaHeight);
    this.#drawColour(scene, width, height);
    return true;
  }

  /** Waits until what was drawn is there. */
  finish(): void {
    this.#read(1, 1);
  }

  /** What was drawn last: red, green, blue and alpha, top to bottom. */
  pixels(width: number, height: number): Uint8ClampedArray {
    const upwards = this.#read(width, height);
    const row = 4 * width;
    const pixels = new Uint8ClampedArray(upwards.length);
    for (let y = 0; y < height; y++) {
      pixels.set(upwards.subarray(row * (height - 1 - y), row * (height - y)), row * y);
    }
    return pixels;
  }

  forget(decoder: Drawable): void {
    this.#textures.forget(decoder);
  }

  /** Gives back all that it has on the graphics processor. */
  close(): void {
    this.#gl.getExtension("WEBGL_lose_context")?.loseContext();
  }

  #grow(width: number, height: number): void {
    const room = { width: Math.max(width, this.#room.width), height: Math.max(height, this.#room.height) };
    if (room.width === this.#room.width && room.height === this.#room.height) return;
    this.#room = room;
    Object.assign(this.canvas, room);
    const gl = this.#gl;
    const { luma, chroma } = this.#planes;
    for (const [plane, internal, format, share] of [[luma, gl.R8, gl.RED, 1], [chroma, gl.RG8, gl.RG, 2]] as const) {
      const [columns, rows] = [Math.ceil(room.width / share), Math.ceil(room.height / share)];
      gl.bindTexture(gl.TEXTURE_2D, plane.texture);
      gl.texImage2D(gl.TEXTURE_2D, 0, internal, columns, rows, 0, format, gl.UNSIGNED_BYTE, null);
    }
  }

  #uploadMotion({ columns, rows, motion }: Scene): void {
    const gl = this.#gl;
    const nodes = columns * rows;
    const pairs = new Float32Array(2 * nodes);
    for (let node = 0; node < nodes; node++) {
      pairs[2 * node] = motion[node] ?? 0;
      pairs[2 * node + 1] = motion[nodes + node] ?? 0;
    }
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, this.#motion);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RG32F, columns, rows, 0, gl.RG, gl.FLOAT, pairs);
    gl.activeTexture(gl.TEXTURE0);
  }

  #drawPlane(decoder: Drawable, scene: Scene, of: "luma" | "chroma", width: number, height: number): void {
    const gl = this.#gl;
    const source = (number: number) => this.#textures.of(decoder, number, scene.level)[of];
    // Uploads bind textures: what is warped is there before anything is bound for drawing.
    const warped = source(scene.source);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.#planes[of].buffer);
    gl.viewport(0, 0, width, height);
    this.#look(this.#warp, warped, scene);
    gl.uniform2f(this.#warp.at("size"), width, height);
    gl.uniform2i(this.#warp.at("nodes"), scene.columns, scene.rows);
    gl.uniform1i(this.#warp.at("motion"), 1);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    gl.enable(gl.BLEND);
    gl.enable(gl.SCISSOR_TEST);
    const [across, down] = [scene.width / width, scene.height / height];
    for (const patch of scene.patches) {
      this.#look(this.#patch, source(patch.source), patch);
      gl.uniform2f(this.#patch.at("unit"), across, down);
      gl.uniform2fv(this.#patch.at("here"), patch.here);
      gl.uniform2fv(this.#patch.at("there"), patch.there);
      gl.uniform2fv(this.#patch.at("coefficients"), paired(patch.coefficients));
      gl.scissor(...bounds(patch, across, down));
      gl.drawArrays(gl.TRIANGLES, 0, 3);
    }
    gl.disable(gl.BLEND);
    gl.disable(gl.SCISSOR_TEST);
  }

  /** Uses a program that looks at a source, which shows so many units. */
  #look(program: Program, { texture, width, height }: Plane, shows: { width: number; height: number }): void {
    const gl = this.#gl;
    program.use();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.uniform1i(program.at("source"), 0);
    gl.uniform2i(program.at("sourceSize"), width, height);
    gl.uniform2f(program.at("perUnit"), (width / shows.width) * PHASES, (height / shows.height) * PHASES);
  }

  #drawColour({ residual }: Scene, width: number, height: number): void {
    const gl = this.#gl;
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, this.#room.height - height, width, height);
    this.#colour.use();
    gl.activeTexture(gl.TEXTURE2);
    gl.bindTexture(gl.TEXTURE_2D, this.#residual);
    // A sampler of whole numbers must have some, also where it is not looked at.
    const { width: across, height: down, samples } = residual ?? NO_RESIDUAL;
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8I, across, down, 0, gl.RED_INTEGER, gl.BYTE, samples);
    gl.uniform1i(this.#colour.at("residual"), 2);
    gl.uniform2i(this.#colour.at("residualSize"), residual ? across : 0, residual ? down : 0);
    gl.uniform2f(this.#colour.at("size"), width, height);
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, this.#planes.chroma.texture);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.#planes.luma.texture);
    gl.uniform1i(this.#colour.at("luma"), 0);
    gl.uniform1i(this.#colour.at("chroma"), 1);
    gl.uniform1i(this.#colour.at("height"), this.#room.height);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  #read(width: number, height: number): Uint8Array {
    const gl = this.#gl;
    const pixels = new Uint8Array(4 * width * height);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.readPixels(0, this.#room.height - height, width, height, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
    return pixels;
  }
}

function target(gl: WebGL2RenderingContext): Target {
  const texture = exactTexture(gl);
  const buffer = gl.createFramebuffer();
  gl.bindFramebuffer(gl.FRAMEBUFFER, buffer);
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
  return { texture, buffer };
}

/** Across and down beside each other. */
function paired(coefficients: Float32Array): Float32Array {
  const half = coefficients.length / 2;
  return Float32Array.from(coefficients, (_, at) => coefficients[(at >> 1) + (at & 1 ? half : 0)] ?? 0);
}

/** Left, top, width and height in pixels of what a patch can cover. */
function bounds({ here }: ScenePatch, across: number, down: number): [number, number, number, number] {
  const [x = 0, y = 0, rightX = 0, rightY = 0, downX = 0, downY = 0] = here;
  const [reachX, reachY] = [Math.abs(rightX) + Math.abs(downX), Math.abs(rightY) + Math.abs(downY)];
  const [left, top] = [Math.max(0, Math.floor((x - reachX) / across)), Math.max(0, Math.floor((y - reachY) / down))];
  const [right, bottom] = [Math.ceil((x + reachX) / across), Math.ceil((y + reachY) / down)];
  return [left, top, Math.max(0, right - left), Math.max(0, bottom - top)];
}
