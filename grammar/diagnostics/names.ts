/** Diagnostics about modules and names: imports, definitions, uses. */

import { diagnosticKind } from "../diagnostic.js";

const didYouMean = (p: { readonly suggestion: string | null }): string | null =>
  p.suggestion === null ? null : `did you mean \`${p.suggestion}\`?`;

export const moduleNotFound = diagnosticKind({
  code: "names/module-not-found",
  severity: "error",
  message: (p: { module: string; suggestion: string | null }) =>
    `there is no module \`${p.module}\``,
  hint: didYouMean,
  explain:
    "An import names a file relative to the importing one (`./blocks.pipe`) or a module of the standard library (`saic:layers`).",
});

export const importCycle = diagnosticKind({
  code: "names/import-cycle",
  severity: "error",
  message: (p: { cycle: readonly string[] }) =>
    `modules import each other: ${p.cycle.join(" -> ")}`,
  hint: () => "move what both need into a third module",
  explain: "Imports form a tree without cycles, so that every module can be read on its own.",
});

export const notExported = diagnosticKind({
  code: "names/not-in-module",
  severity: "error",
  message: (p: { name: string; module: string; suggestion: string | null }) =>
    `\`${p.module}\` declares no \`${p.name}\``,
  hint: didYouMean,
  explain: "A named import must be declared in the module it comes from.",
});

export const alreadyDefined = diagnosticKind({
  code: "names/already-defined",
  severity: "error",
  message: (p: { name: string }) => `\`${p.name}\` is already defined`,
  hint: () => "give one of the two another name",
  explain: "Within one scope a name means one thing.",
});

export const unknownName = diagnosticKind({
  code: "names/unknown",
  severity: "error",
  message: (p: {
    name: string;
    suggestion: string | null;
    /** Modules of the standard library that declare it. */
    modules?: readonly string[];
  }) => `\`${p.name}\` is not defined here`,
  hint: (p) => {
    const [module, ...others] = p.modules ?? [];
    if (module === undefined) return didYouMean(p);
    const more = others.map((other) => ` or \`"${other}"\``).join("");
    return `the library has it: \`import { ${p.name} } from "${module}"\`${more}`;
  },
  explain: "A name must be declared in the file, imported, or part of the language.",
});

export const unknownMember = diagnosticKind({
  code: "names/unknown-member",
  severity: "error",
  message: (p: { owner: string; member: string; suggestion: string | null }) =>
    `${p.owner} has no \`${p.member}\``,
  hint: didYouMean,
  explain: "Members are the outputs of a call, the properties of a dataset, or a module's names.",
});

export const unknownKey = diagnosticKind({
  code: "names/unknown-key",
  severity: "error",
  message: (p: { key: string; owner: string; suggestion: string | null }) =>
    `${p.owner} has no key \`${p.key}\``,
  hint: didYouMean,
  explain: "Every key is checked: a misspelt one is never ignored in silence.",
});

export const duplicateKey = diagnosticKind({
  code: "names/duplicate-key",
  severity: "error",
  message: (p: { key: string; owner: string }) => `${p.owner} already has \`${p.key}\``,
  explain: "A key may be given once.",
});

export const missingKey = diagnosticKind({
  code: "names/missing-key",
  severity: "error",
  message: (p: { key: string; owner: string }) => `${p.owner} needs \`${p.key}\``,
  explain: "Some members have no default that would be right for everybody.",
});

export const missingValue = diagnosticKind({
  code: "names/missing-value",
  severity: "error",
  message: (p: { key: string }) => `\`${p.key}:\` has no value yet`,
  explain: "A key is followed by its value on the same line.",
});

export const cyclicDefinition = diagnosticKind({
  code: "names/cyclic-definition",
  severity: "error",
  message: (p: { name: string }) => `\`${p.name}\` is defined by itself`,
  explain: "Constants and block applications must form no cycle, so that every program terminates.",
});

export const overrideMatchesNothing = diagnosticKind({
  code: "names/override-matches-nothing",
  severity: "error",
  message: (p: { path: string; suggestion: string | null }) =>
    `nothing in this program is called \`${p.path}\``,
  hint: didYouMean,
  explain:
    "An override names a `param`, or the dotted path of a member that the program already has.",
});

export const overrideOverlaps = diagnosticKind({
  code: "names/override-overlaps",
  severity: "error",
  message: (p: { path: string; whole: string }) =>
    `\`${p.path}\` lies in \`${p.whole}\`, which is replaced as a whole`,
  hint: () => "write the part into the new value",
  explain: "A value is replaced as a whole or in parts, not both at once.",
});

export const noVariants = diagnosticKind({
  code: "names/no-variant",
  severity: "error",
  message: (p: { name: string; suggestion: string | null }) =>
    `this program declares no variant \`${p.name}\``,
  hint: didYouMean,
  explain: "`--variant` chooses a `variant` declaration of the program.",
});

export const variantOfAnother = diagnosticKind({
  code: "names/variant-of-another-train",
  severity: "error",
  message: (p: { name: string; of: string; train: string }) =>
    `the variant \`${p.name}\` is of \`${p.of}\`, not of \`${p.train}\``,
  hint: (p) => `leave out \`--train\`: the variant says that it is \`${p.of}\``,
  explain: "A variant changes the one train that its declaration names.",
});

export const variantMatchesNothing = diagnosticKind({
  code: "names/variant-matches-nothing",
  severity: "error",
  message: (p: { path: string; train: string; suggestion: string | null }) =>
    `\`${p.train}\` has no \`${p.path}\` that a variant could replace`,
  hint: didYouMean,
  explain:
    "A variant replaces what the program already says: a member of its train, a `param`, or a member of a dataset by its dotted path.",
});

export const noSuchTap = diagnosticKind({
  code: "names/no-such-tap",
  severity: "error",
  message: (p: { path: string; suggestion: string | null }) => `no tap is called \`${p.path}\``,
  hint: (p) =>
    p.suggestion === null
      ? "a block exposes a value with `tap name = …`; its path is the block's path and that name"
      : `did you mean \`${p.suggestion}\`?`,
  explain:
    "A path that begins at `model` reads what a `tap` of some block exposes; with `*` or `**` it is the list of all that match.",
});

export const tapOutOfPlace = diagnosticKind({
  code: "names/tap-out-of-place",
  severity: "error",
  message: (p: { path: string }) => `\`${p.path}\` cannot be read within a block`,
  hint: () => "give the value as an output, or read the tap in a loss or a metric",
  explain:
    "Taps are read in losses, metrics and predictions, after the whole model has been applied; within a block values flow through ports.",
});
