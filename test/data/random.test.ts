/** Random numbers: known answers, distributions, and that position is all that matters. */

import { createCipheriv, createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  bytes,
  createStream,
  integers,
  normal,
  permutation,
  truncatedNormal,
  uniform,
  uniformDouble,
} from "../../runtime/random.js";

const hex = (data: Uint8Array): string => Buffer.from(data).toString("hex");
const mean = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((a, b) => a + b, 0) / values.length;
const deviation = (values: ArrayLike<number>): number => {
  const m = mean(values);
  return Math.sqrt(mean(Array.from(values, (x) => (x - m) ** 2)));
};

describe("the cipher", () => {
  it("is AES-128-CTR with the counter (major, minor, block), as openssl enc computes it", () => {
    const stream = { key: new Uint8Array(Buffer.from("2b7e151628aed2a6abf7158809cf4f3c", "hex")) };
    expect(hex(bytes(stream, 7, 11, 32, 3))).toBe(
      "2d4869688da6a927f786b438d19a493042c9cbfac2addd4eec4eec13f4086ddf",
    );
  });

  it("reproduces the first block of NIST SP 800-38A F.5.1", () => {
    // Its counter f0f1...ff is beyond a safe major, so only the primitive is compared.
    const key = Buffer.from("2b7e151628aed2a6abf7158809cf4f3c", "hex");
    const counter = Buffer.from("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff", "hex");
    const plain = Buffer.from("6bc1bee22e409f96e93d7e117393172a", "hex");
    const cipher = createCipheriv("aes-128-ctr", key, counter);
    expect(hex(cipher.update(plain))).toBe("874d6191b620e3261bef6864990db6ce");
  });

  it("takes its key from SHA-256 over saic, seed and path", () => {
    const encoded = Buffer.concat([
      Buffer.from("saic\0"),
      Buffer.from("fffffffffffffffe00000007", "hex"),
      Buffer.from("model.w"),
    ]);
    const digest = createHash("sha256").update(encoded).digest("hex");
    expect(digest.startsWith("ce85391144c799dde3b2431626f55960")).toBe(true);
    expect(hex(createStream(-2, "model.w").key)).toBe("ce85391144c799dde3b2431626f55960");
  });

  it("reaches every position directly", () => {
    const stream = createStream(1, "a");
    const whole = bytes(stream, 5, 6, 160);
    expect(hex(bytes(stream, 5, 6, 32, 4))).toBe(hex(whole.subarray(64, 96)));
    expect(hex(bytes(stream, 5, 6, 7))).toBe(hex(whole.subarray(0, 7)));
  });

  it("gives different bits for another seed, path, major and minor", () => {
    const draws = [
      bytes(createStream(1, "a"), 0, 0, 16),
      bytes(createStream(2, "a"), 0, 0, 16),
      bytes(createStream(1, "b"), 0, 0, 16),
      bytes(createStream(1, "a"), 1, 0, 16),
      bytes(createStream(1, "a"), 0, 1, 16),
      bytes(createStream(1, "a"), 2 ** 32, 0, 16),
      bytes(createStream(1, "a"), 2 ** 53 - 1, 2 ** 32 - 1, 16),
    ];
    expect(new Set(draws.map(hex)).size).toBe(draws.length);
  });

  it("refuses positions out of range", () => {
    const stream = createStream(1, "a");
    expect(() => bytes(stream, -1, 0, 1)).toThrow("major");
    expect(() => bytes(stream, 2 ** 53, 0, 1)).toThrow("major");
    expect(() => bytes(stream, 0, 2 ** 32, 1)).toThrow("minor");
    expect(() => bytes(stream, 0, 0, 17, 2 ** 32 - 1)).toThrow("leaves");
    expect(() => createStream(0.5, "a")).toThrow("seed");
  });
});

describe("numbers", () => {
  const stream = createStream(11, "numbers");

  it("are uniform in [0, 1)", () => {
    const values = uniform(stream, 0, 0, 100_000);
    expect(Math.min(...values.subarray(0, 50_000))).toBeGreaterThanOrEqual(0);
    expect(values.every((x) => x < 1 && Number.isInteger(x * 2 ** 24))).toBe(true);
    const counts = Array.from({ length: 20 }, () => 0);
    for (const x of values) counts[Math.floor(20 * x)] = (counts[Math.floor(20 * x)] ?? 0) + 1;
    const chiSquare = counts.reduce((sum, n) => sum + (n - 5000) ** 2 / 5000, 0);
    // 19 degrees of freedom: above 43.8 once in a thousand seeds.
    expect(chiSquare).toBeLessThan(43.8);
    const doubles = uniformDouble(stream, 0, 0, 1000);
    expect(doubles.every((x) => x >= 0 && x < 1)).toBe(true);
    expect(Math.abs(mean(doubles) - 0.5)).toBeLessThan(0.04);
  });

  it("do not depend on how many are drawn", () => {
    expect(uniform(stream, 3, 4, 100).slice(0, 7)).toEqual(uniform(stream, 3, 4, 7));
    expect(normal(stream, 3, 4, 100).slice(0, 7)).toEqual(normal(stream, 3, 4, 7));
    expect(truncatedNormal(stream, 3, 1000).slice(0, 701)).toEqual(truncatedNormal(stream, 3, 701));
  });

  it("are normal", () => {
    const values = normal(stream, 0, 0, 100_000);
    expect(Math.abs(mean(values))).toBeLessThan(0.015);
    expect(Math.abs(deviation(values) - 1)).toBeLessThan(0.01);
    const within = values.filter((z) => Math.abs(z) < 1).length / values.length;
    expect(Math.abs(within - 0.6827)).toBeLessThan(0.006);
    const beyond = values.filter((z) => z > 2).length / values.length;
    expect(Math.abs(beyond - 0.02275)).toBeLessThan(0.002);
    const products = values.filter((_, i) => i > 0).map((z, i) => z * (values[i] ?? 0));
    expect(Math.abs(mean(products))).toBeLessThan(0.015);
  });

  it("are normal by the documented formula", () => {
    const [z0, z1] = normal(stream, 8, 9, 2);
    const [u = 0, v = 0] = uniformDouble(stream, 8, 9, 2);
    const radius = Math.sqrt(-2 * Math.log(1 - u));
    expect(z0).toBe(radius * Math.cos(2 * Math.PI * v));
    expect(z1).toBe(radius * Math.sin(2 * Math.PI * v));
  });

  it("are truncated by drawing anew", () => {
    const values = truncatedNormal(stream, 0, 100_000);
    const plain = normal(stream, 0, 0, 100_000);
    expect(values.every((z) => Math.abs(z) <= 2)).toBe(true);
    expect(values.every((z, i) => Math.abs(plain[i] ?? 0) > 2 || z === plain[i])).toBe(true);
    expect(Math.abs(deviation(values) - 0.8796)).toBeLessThan(0.01);
    const i = plain.findIndex((z) => Math.abs(z) > 2);
    expect(values[i]).toBe(normal(stream, 0, 1, i + 1)[i]);
  });

  it("are integers without bias", () => {
    // 3 * 2^30 does not divide 2^32: taking words modulo it would favor the lowest third, 1/2 to 1/4.
    const values = integers(stream, 0, 0, 3 * 2 ** 30, 30_000);
    const lowest = values.filter((value) => value < 2 ** 30).length / values.length;
    expect(Math.abs(lowest - 1 / 3)).toBeLessThan(0.015);
    expect(values.every((value) => value < 3 * 2 ** 30)).toBe(true);
    expect(integers(stream, 0, 0, 1, 3)).toEqual(new Uint32Array(3));
    expect(integers(stream, 0, 0, 7, 1000).slice(0, 600)).toEqual(integers(stream, 0, 0, 7, 600));
  });

  it("permute every order alike", () => {
    const counts = new Map<string, number>();
    for (let major = 0; major < 6000; major++) {
      const order = permutation(stream, major, 3).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    const chiSquare = [...counts.values()].reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0);
    // 5 degrees of freedom: above 20.5 once in a thousand seeds.
    expect(chiSquare).toBeLessThan(20.5);
    const long = permutation(stream, 0, 5000);
    expect([...long].sort((a, b) => a - b)).toEqual(Array.from({ length: 5000 }, (_, i) => i));
    expect(permutation(stream, 0, 0)).toHaveLength(0);
  });
});
