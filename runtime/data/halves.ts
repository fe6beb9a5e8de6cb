/** Rounds f32 numbers to f16 by their bits, many at a time. */

/** The f16 patterns nearest to the numbers, ties to even; beyond 65520 they are infinite. */
export function roundedHalves(numbers: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(1);
  const number = new Float32Array(bits.buffer);
  const halves = new Uint16Array(numbers.length);
  for (let i = 0; i < halves.length; i++) {
    number[0] = numbers[i] ?? 0;
    halves[i] = halfOf(bits[0] ?? 0);
  }
  return halves;
}

/** From the bits of an f32 number. */
function halfOf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return 0x7e00;
  // 65520 and above.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) {
    // The exponents' biases differ by 112; the carry of a rounded fraction goes on into the exponent.
    const whole = magnitude - (112 << 23);
    return sign | ((whole + 0x0fff + ((whole >>> 13) & 1)) >>> 13);
  }
  // Below half of the smallest number there is, and half of it itself, which goes to the even 0.
  if (magnitude <= 0x33000000) return sign;
  const shift = 126 - (magnitude >>> 23);
  const fraction = (magnitude & 0x7fffff) | 0x800000;
  const rest = fraction & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  const kept = fraction >>> shift;
  return sign | (rest > half || (rest === half && (kept & 1) === 1) ? kept + 1 : kept);
}
