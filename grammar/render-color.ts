/** The colors of rendered diagnostics. */

type Paint = (text: string) => string;

/** How each part of a diagnostic is colored. */
export interface Palette {
  readonly error: Paint;
  readonly warning: Paint;
  readonly title: Paint;
  /** Line numbers, bars and secondary marks. */
  readonly frame: Paint;
}

const plain: Paint = (text) => text;
const ansi =
  (code: string): Paint =>
  (text) =>
    text === "" ? "" : `\u001B[${code}m${text}\u001B[0m`;

/** ANSI escapes, or none. */
export function tint(color: "always" | "never"): Palette {
  if (color === "never") return { error: plain, warning: plain, title: plain, frame: plain };
  return { error: ansi("1;31"), warning: ansi("1;33"), title: ansi("1"), frame: ansi("34") };
}
