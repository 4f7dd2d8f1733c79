import { Codec } from "./codec.js";
import type { PluginInfo } from "./codec.js";

/** The codec, fetched and compiled. */
export interface LoadedCodec {
  /** For workers. */
  module: WebAssembly.Module;
  plugins: readonly PluginInfo[];
}

/** Fetches and compiles the codec. Throws where it is not there, or is none. */
export async function loadCodec(url: string | URL): Promise<LoadedCodec> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`no codec at ${url}: ${response.status}`);
  const module = await Codec.compile(await response.arrayBuffer());
  return { module, plugins: new Codec(module).plugins };
}
