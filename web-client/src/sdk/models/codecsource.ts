import { Codec } from "./codec.js";
import type { PluginInfo } from "./codec.js";

/** A plug-in of a loaded codec. */
export interface LoadedPlugin extends PluginInfo {
  /** Whether it has a model that knows no speaker. */
  generic: boolean;
}

/** The codec, fetched and compiled. */
export interface LoadedCodec {
  /** For workers. */
  module: WebAssembly.Module;
  plugins: readonly LoadedPlugin[];
}

/** Fetches and compiles the codec. Throws where it is not there, or is none. */
export async function loadCodec(url: string | URL): Promise<LoadedCodec> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`no codec at ${url}: ${response.status}`);
  const module = await Codec.compile(await response.arrayBuffer());
  const codec = new Codec(module);
  return { module, plugins: codec.plugins.map((plugin) => ({ ...plugin, generic: hasGeneric(codec, plugin) })) };
}

function hasGeneric(codec: Codec, { id }: PluginInfo): boolean {
  const model = codec.createGenericModel(id);
  model?.free();
  return model !== null;
}
