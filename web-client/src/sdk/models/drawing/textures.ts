import type { SceneSource } from "../codec/types.js";
import type { Drawable } from "./painter.js";

/** Most bytes of the sources of one face. Full: those that were not used for longest go. */
const MAX_BYTES = 8 << 20;

/** Both planes of a source. */
export interface SourceTextures {
  readonly luma: Plane;
  readonly chroma: Plane;
  readonly bytes: number;
}

/** A texture of whole numbers. */
export interface Plane {
  readonly texture: WebGLTexture;
  readonly width: number;
  readonly height: number;
}

/** The sources of scenes as textures, for as long as their decoder is not forgotten. */
export class Textures {
  readonly #gl: WebGL2RenderingContext;
  /** By decoder, then by source and level, those used last at the end. */
  readonly #held = new Map<Drawable, Map<string, SourceTextures>>();

  constructor(gl: WebGL2RenderingContext) {
    this.#gl = gl;
  }

  /** Bytes of all of a decoder. */
  bytesOf(decoder: Drawable): number {
    return [...(this.#held.get(decoder)?.values() ?? [])].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  of(decoder: Drawable, source: number, level: number): SourceTextures {
    const held = this.#held.get(decoder) ?? new Map<string, SourceTextures>();
    this.#held.set(decoder, held);
    const key = `${source}/${level}`;
    const textures = held.get(key) ?? this.#upload(decoder.source(source, level));
    held.delete(key);
    held.set(key, textures);
    for (const [other, { luma, chroma }] of held) {
      if (other === key || this.bytesOf(decoder) <= MAX_BYTES) break;
      held.delete(other);
      for (const { texture } of [luma, chroma]) this.#gl.deleteTexture(texture);
    }
    return textures;
  }

  forget(decoder: Drawable): void {
    for (const { luma, chroma } of this.#held.get(decoder)?.values() ?? []) {
      for (const { texture } of [luma, chroma]) this.#gl.deleteTexture(texture);
    }
    this.#held.delete(decoder);
  }

  #upload({ width, height, luma, chromaWidth, chromaHeight, chroma }: SceneSource): SourceTextures {
    const { R8UI, RED_INTEGER, RG8UI, RG_INTEGER } = this.#gl;
    return {
      luma: this.#plane(R8UI, RED_INTEGER, width, height, luma),
      chroma: this.#plane(RG8UI, RG_INTEGER, chromaWidth, chromaHeight, chroma),
      bytes: luma.length + chroma.length,
    };
  }

  #plane(internal: number, format: number, width: number, height: number, samples: Uint8Array): Plane {
    const gl = this.#gl;
    const texture = exactTexture(gl);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.texImage2D(gl.TEXTURE_2D, 0, internal, width, height, 0, format, gl.UNSIGNED_BYTE, samples);
    return { texture, width, height };
  }
}

/** A texture of which single texels are read, bound. */
export function exactTexture(gl: WebGL2RenderingContext): WebGLTexture {
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, name, gl.NEAREST);
  for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, name, gl.CLAMP_TO_EDGE);
  return texture;
}
