/** Transforms that move pixels: their settings, what each takes, and the extents they leave. */

import type { Formal } from "../../../grammar/ast.js";
import { addDims, type Dim } from "../../ir/dim.js";
import type { TensorType } from "../../ir/type.js";
import { signature } from "../signature.js";
import { atLeast, type BoundCall, isPositive, isProbability, type Limit } from "./data-call.js";
import { isRaw } from "./field-type.js";
import {
  anyImage,
  byteImage,
  bytes,
  fits,
  heightOf,
  isMask,
  moved,
  ordered,
  pairOf,
  sized,
  type TransformForm,
  widthOf,
} from "./transform-form.js";

/** A setting that may be left out, as a number or `null`. */
const given = ({ settings }: BoundCall, name: string): number | null =>
  settings.meaning(name).kind === "none" ? null : settings.number(name);

const square: Readonly<Record<string, Limit>> = { height: atLeast(1), width: atLeast(1) };

/** A cut to `height` x `width`, in the middle or at a random place. */
const cutTo = (kind: "center_crop" | "random_crop", formals: readonly Formal[]): TransformForm => ({
  formals,
  limits: square,
  takes: anyImage,
  moves: kind === "random_crop" ? "drawn" : "fixed",
  problem: (type, { settings: s }) =>
    fits("height", s.number("height"), heightOf(type)) ??
    fits("width", s.number("width"), widthOf(type)),
  result: (type, { settings: s }) =>
    moved(type) === null ? null : sized(type, s.number("height"), s.number("width")),
  make: (_type, { settings: s }) => ({
    kind,
    height: s.number("height"),
    width: s.number("width"),
  }),
});

const cropOf = (type: TensorType, call: BoundCall) => {
  const { settings: s } = call;
  const rest = (extent: Dim, from: number): number | null =>
    typeof extent === "number" ? extent - from : null;
  const [top, left] = [s.number("top"), s.number("left")];
  return {
    top,
    left,
    height: given(call, "height") ?? rest(heightOf(type), top),
    width: given(call, "width") ?? rest(widthOf(type), left),
  };
};

const paddingOf = ({ settings: s }: BoundCall) => ({
  top: s.number("top"),
  bottom: s.number("bottom"),
  left: s.number("left"),
  right: s.number("right"),
});

/** By name. */
export const movingTransforms: Readonly<Record<string, TransformForm>> = {
  resize: {
    formals: signature("resize(height: int, width: int)"),
    limits: square,
    takes: byteImage,
    moves: "fixed",
    result: (type, { settings: s }) =>
      bytes(type) === null && !isMask(type)
        ? null
        : sized(type, s.number("height"), s.number("width")),
    make: (_type, { settings: s }) => ({
      kind: "resize",
      height: s.number("height"),
      width: s.number("width"),
    }),
  },
  crop: {
    formals: signature(
      "crop(top: int = 0, left: int = 0, height: int | none = none, width: int | none = none)",
    ),
    limits: { ...square, top: atLeast(0), left: atLeast(0) },
    takes: `${anyImage}, of known size where the crop does not say its own`,
    moves: "fixed",
    problem(type, call) {
      const { top, left, height, width } = cropOf(type, call);
      if (height === null || width === null) return null;
      return height < 1
        ? { setting: "top", expected: `below ${String(heightOf(type))}`, found: String(top) }
        : width < 1
          ? { setting: "left", expected: `below ${String(widthOf(type))}`, found: String(left) }
          : (fits("height", height, heightOf(type), top) ??
            fits("width", width, widthOf(type), left));
    },
    result(type, call) {
      const { height, width } = cropOf(type, call);
      return moved(type) === null || height === null || width === null
        ? null
        : sized(type, height, width);
    },
    make(type, call) {
      const { top, left, height, width } = cropOf(type, call);
      return { kind: "crop", top, left, height: height ?? 1, width: width ?? 1 };
    },
  },
  center_crop: cutTo("center_crop", signature("center_crop(height: int, width: int)")),
  random_crop: cutTo("random_crop", signature("random_crop(height: int, width: int)")),
  pad: {
    formals: signature(
      "pad(top: int = 0, bottom: int = 0, left: int = 0, right: int = 0, value: float | edge = 0)",
    ),
    limits: { top: atLeast(0), bottom: atLeast(0), left: atLeast(0), right: atLeast(0) },
    takes: anyImage,
    moves: "fixed",
    problem: (_type, call) =>
      Object.values(paddingOf(call)).some((pixels) => pixels > 0)
        ? null
        : { setting: "top", expected: "above 0 on some side", found: "no padding" },
    result(type, call) {
      const { top, bottom, left, right } = paddingOf(call);
      const grown = (extent: Dim, by: number): Dim =>
        isRaw(extent) ? extent : addDims(extent, by);
      return moved(type) === null
        ? null
        : sized(type, grown(heightOf(type), top + bottom), grown(widthOf(type), left + right));
    },
    make: (_type, call) => ({
      kind: "pad",
      ...paddingOf(call),
      value:
        call.settings.meaning("value").kind === "word" ? "edge" : call.settings.number("value"),
    }),
  },
  hflip: {
    formals: signature("hflip(p: float = 0.5)"),
    limits: { p: isProbability },
    takes: anyImage,
    moves: "drawn",
    result: moved,
    make: (_type, { settings: s }) => ({ kind: "hflip", p: s.number("p") }),
  },
  vflip: {
    formals: signature("vflip(p: float = 0.5)"),
    limits: { p: isProbability },
    takes: anyImage,
    moves: "drawn",
    result: moved,
    make: (_type, { settings: s }) => ({ kind: "vflip", p: s.number("p") }),
  },
  random_shift: {
    formals: signature("random_shift(pad: int)"),
    limits: { pad: atLeast(0) },
    takes: anyImage,
    moves: "drawn",
    result: moved,
    make: (_type, { settings: s }) => ({ kind: "random_shift", pad: s.number("pad") }),
  },
  rotate: {
    formals: signature("rotate(degrees: float, p: float = 1, value: float = 0)"),
    limits: { degrees: isPositive, p: isProbability },
    takes: anyImage,
    moves: "drawn",
    result: moved,
    make: (_type, { settings: s }) => ({
      kind: "rotate",
      degrees: s.number("degrees"),
      p: s.number("p"),
      value: s.number("value"),
    }),
  },
  affine: {
    formals: signature(
      "affine(degrees: float = 0, shift: float = 0, scale: float[2] = [1, 1], shear: float = 0, p: float = 1, value: float = 0)",
    ),
    limits: {
      degrees: atLeast(0),
      shift: isProbability,
      scale: isPositive,
      shear: atLeast(0),
      p: isProbability,
    },
    takes: anyImage,
    moves: "drawn",
    problem: (_type, { settings }) => ordered("scale", settings.numbers("scale")),
    result: moved,
    make: (_type, { settings: s }) => ({
      kind: "affine",
      degrees: s.number("degrees"),
      shift: s.number("shift"),
      scale: pairOf(s.numbers("scale")),
      shear: s.number("shear"),
      p: s.number("p"),
      value: s.number("value"),
    }),
  },
};
