/** Changes of brightness, contrast, saturation and hue at random. */

import { type Pixels, toByte } from "../pixels.js";
import { type DrawPoint, drawAt } from "./draw.js";

interface Colors {
  readonly brightness: number;
  readonly contrast: number;
  readonly saturation: number;
  readonly hue: number;
}

const grayOf = (r: number, g: number, b: number): number => 0.299 * r + 0.587 * g + 0.114 * b;

/**
 * In this order and under one draw for the record: all channels times 1 + U(-brightness,
 * brightness); about the mean gray, times 1 + U(-contrast, contrast); about each pixel's own gray,
 * times 1 + U(-saturation, saturation); and the hue turned by U(-hue, hue) turns. Numbers stay real
 * until the end, where they are rounded half up and clamped to 0..255.
 */
export function colorJitter(x: Pixels, colors: Colors, point: DrawPoint): Pixels {
  const draws = Array.from(drawAt(point, 4), (u) => 2 * u - 1);
  const [first = 0, second = 0, third = 0, fourth = 0] = draws;
  const light = 1 + colors.brightness * first;
  const contrast = 1 + colors.contrast * second;
  const saturation = 1 + colors.saturation * third;
  const turn = colors.hue * fourth;
  const plane = (x.shape.at(-1) ?? 1) * (x.shape.at(-2) ?? 1);
  const { data } = x;
  let sum = 0;
  const each = (visit: (r: number, g: number, b: number, at: number) => void): void => {
    for (let start = 0; start < data.length; start += 3 * plane)
      for (let i = start; i < start + plane; i++)
        visit(data[i] ?? 0, data[i + plane] ?? 0, data[i + 2 * plane] ?? 0, i);
  };
  each((r, g, b) => {
    sum += grayOf(r, g, b);
  });
  const mean = (light * sum) / (data.length / 3);
  const out = new Uint8Array(data.length);
  each((r, g, b, at) => {
    const [cr, cg, cb] = [r, g, b].map((value) => (value * light - mean) * contrast + mean);
    const gray = grayOf(cr ?? 0, cg ?? 0, cb ?? 0);
    const rgb = [cr, cg, cb].map((value) => gray + ((value ?? 0) - gray) * saturation);
    const turned = turn === 0 ? rgb : turnHue(rgb, turn);
    turned.forEach((value, channel) => {
      out[at + channel * plane] = toByte(value);
    });
  });
  return { dtype: "u8", shape: x.shape, data: out };
}

/** Turns the hue of the hexagonal color model, where value and saturation stay. */
function turnHue(rgb: readonly number[], turn: number): readonly number[] {
  const [r = 0, g = 0, b = 0] = rgb.map((value) => Math.min(255, Math.max(0, value)));
  const high = Math.max(r, g, b);
  const chroma = high - Math.min(r, g, b);
  if (chroma === 0) return [r, g, b];
  const sector =
    high === r ? (g - b) / chroma : high === g ? (b - r) / chroma + 2 : (r - g) / chroma + 4;
  const hue = (((sector + 6 * turn) % 6) + 6) % 6;
  return [5, 3, 1].map((n) => {
    const k = (n + hue) % 6;
    return high - chroma * Math.max(0, Math.min(k, 4 - k, 1));
  });
}
