import type { Bandwidth, Quality, SentLayer, SentStats, SlotStats } from "../../sdk/sotto.js";
import type { Key } from "../i18n/en.js";

/** Finds a text. */
type Translate = (key: Key, values?: Record<string, string | number>) => string;
/** A name and a value. */
export type Row = [name: string, value: string];

/** What a tile tells of a picture that is received. Pure. */
export function receivedRows(t: Translate, stats: SlotStats, quality: Quality | null): Row[] {
  const rows: Row[] = [
    [t("details.size"), `${stats.width}×${stats.height}`],
    [t("details.rate"), `${Math.round(stats.fps)} fps`],
    [t("details.bitrate"), kilobits(stats.bitrate)],
    [t("details.loss"), `${(stats.lossRate * 100).toFixed(1)} %`],
    [t("details.buffer"), `${Math.round(stats.jitterBufferMs)} ms`],
    [t("details.form"), form(t, stats)],
  ];
  if (quality?.layer) rows.push([t("details.layer"), layerName(quality.layer)]);
  if (quality?.limit) rows.push([t("details.limit"), t(`limit.${quality.limit}`)]);
  return rows;
}

/** What this person's own tile tells of what is sent, layer by layer. Pure. */
export function sentRows(
  t: Translate,
  layers: readonly SentLayer[],
  stats: readonly SentStats[],
  line: Bandwidth | null,
): Row[] {
  const rows = layers.map((layer): Row => {
    const sent = stats.find(({ rid }) => rid === layer.rid);
    const name = `${Math.min(layer.width, layer.height)}p`;
    if (!layer.active) return [name, t("details.notNeeded")];
    if (!sent || sent.fps < 1) return [name, t("details.starting")];
    return [name, `${Math.round(sent.fps)} fps, ${kilobits(sent.bitrate)}`];
  });
  const codec = stats[0]?.codec.replace("video/", "");
  if (codec) rows.push([t("details.codec"), [codec, stats[0]?.scalabilityMode ?? ""].join(" ").trim()]);
  if (line) rows.push([t("details.line"), kilobits(line.estimate)]);
  return rows;
}

function layerName({ height, rid, spatial, temporal }: NonNullable<Quality["layer"]>): string {
  return height ? `${height}p T${temporal}` : `${rid ?? `S${spatial}`} T${temporal}`;
}

function form(t: Translate, { form, codec }: SlotStats): string {
  return [form ? t(`form.${form}`) : "–", codec.replace(/^\w+\//, "")].join(" ").trim();
}

function kilobits(rate: number): string {
  return `${Math.round(rate / 1000)} kbit/s`;
}
