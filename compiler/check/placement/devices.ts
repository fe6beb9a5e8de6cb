/** Memory of devices that programs may name. */

/**
 * Bytes of memory by name, as the makers state them in GB of 10^9 bytes. What a driver leaves to a
 * program differs by a few percent.
 */
export const deviceMemory: ReadonlyMap<string, number> = new Map([
  ["A10", 24e9],
  ["A100-40GB", 40e9],
  ["A100-80GB", 80e9],
  ["A40", 48e9],
  ["B200", 180e9],
  ["H100", 80e9],
  ["H200", 141e9],
  ["L4", 24e9],
  ["L40S", 48e9],
  ["MI250X", 128e9],
  ["MI300X", 192e9],
  ["RTX 3090", 24e9],
  ["RTX 4090", 24e9],
  ["T4", 16e9],
  ["V100-16GB", 16e9],
  ["V100-32GB", 32e9],
]);
