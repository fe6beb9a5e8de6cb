/** Diagnostics about files of weights that `init` reads. */

import { diagnosticKind } from "../diagnostic.js";

export const weightsFormat = diagnosticKind({
  code: "weights/file-format",
  severity: "error",
  message: (p: { file: string }) => `\`${p.file}\` is no safetensors file`,
  hint: () =>
    "write the weights with `safetensors.torch.save_file(model.state_dict(), …)` and name that file",
  explain:
    "`load` reads the safetensors format alone. PyTorch's own files hold Python objects, which only Python can open safely.",
});

export const weightsMalformed = diagnosticKind({
  code: "weights/file-malformed",
  severity: "error",
  message: (p: { file: string; problem: string }) => `\`${p.file}\` cannot be read: ${p.problem}`,
  explain:
    "A safetensors file begins with the length of its header and the header, which names each tensor's type, shape and place.",
});

export const weightsFileMissing = diagnosticKind({
  code: "weights/file-missing",
  severity: "error",
  message: (p: { file: string }) => `the file of weights \`${p.file}\` cannot be opened`,
  hint: () => "paths are relative to the program that names them",
  explain:
    "Files that `init` reads must be there when a run begins. A run that resumes reads none.",
});

export const weightsKeyMissing = diagnosticKind({
  code: "weights/key-missing",
  severity: "error",
  message: (p: {
    file: string;
    key: string;
    target: string;
    suggestion: string | null;
    more: number;
  }) =>
    `\`${p.file}\` has no tensor \`${p.key}\` for \`${p.target}\`${p.more === 0 ? "" : ` (and ${p.more} more)`}`,
  hint: (p) =>
    p.suggestion === null
      ? "`from:` names the keys of the file, and `missing: keep` leaves weights without one as they are"
      : `did you mean \`${p.suggestion}\`? \`from:\` gives the keys of the file`,
  explain:
    "A weight's key is its path without `model.`, unless `from:` gives a template. What the file lacks is an error unless the rule says `missing: keep`.",
});

export const weightsNoneFound = diagnosticKind({
  code: "weights/none-found",
  severity: "error",
  message: (p: { file: string; key: string; weights: number }) =>
    `\`${p.file}\` has a tensor for none of the ${p.weights} weights, the first as \`${p.key}\``,
  hint: () => "`from:` gives the keys under which the file has them, such as `backbone.**`",
  explain:
    "`missing: keep` leaves single weights as they are. A rule that finds nothing at all reads the wrong file or the wrong keys.",
});

export const weightsTensorDiffers = diagnosticKind({
  code: "weights/tensor-differs",
  severity: "error",
  message: (p: {
    file: string;
    key: string;
    found: string;
    target: string;
    expected: string;
    more: number;
  }) =>
    `\`${p.key}\` of \`${p.file}\` is ${p.found}, but \`${p.target}\` is ${p.expected}${p.more === 0 ? "" : ` (and ${p.more} more)`}`,
  hint: () =>
    "give this weight a rule of its own above, with an initializer or with `resize:` of the axes that differ",
  explain:
    "A tensor must have the weight's shape, along axes that `resize:` does not name, and a type whose values the weight's type holds exactly: f16 and bf16 become f32, never the other way.",
});
