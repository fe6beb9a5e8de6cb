/** House rules about the whole project: everything is listed, explained, tested and used. */

import type { SourceText } from "./sources.js";
import { importsOf } from "./sources.js";

/** An entry of the catalogue of diagnostics, under the name it is exported by. */
export interface CatalogueEntry {
  readonly file: string;
  readonly name: string;
  readonly code: string;
  readonly explain: string;
}

/** The catalogue in the exports of a module of diagnostics. */
export const entriesIn = (file: string, exports: object): readonly CatalogueEntry[] =>
  Object.entries(exports).flatMap(([name, value]: [string, unknown]) =>
    typeof value === "object" &&
    value !== null &&
    "code" in value &&
    typeof value.code === "string" &&
    "explain" in value &&
    typeof value.explain === "string"
      ? [{ file, name, code: value.code, explain: value.explain }]
      : [],
  );

/** Codes are unique and well formed, and each has an explanation in sentences. */
export function catalogueFaults(entries: readonly CatalogueEntry[]): readonly string[] {
  const seen = new Set<string>();
  return entries.flatMap(({ file, name, code, explain }) => {
    const faults: string[] = [];
    if (seen.has(code)) faults.push(`${file}: \`${code}\` is there twice`);
    seen.add(code);
    if (!/^[a-z]+\/[a-z0-9]+(?:-[a-z0-9]+)*$/u.test(code))
      faults.push(`${file}: \`${code}\` is no code of the form \`phase/kebab-slug\``);
    if (explain.length < 20 || !/[.`)…]$/u.test(explain.trim()))
      faults.push(`${file}: \`${name}\` explains nothing in whole sentences`);
    return faults;
  });
}

/** Entries that no test or golden mentions, by code, by the quoted end of the code, or by name. */
export function untested(
  entries: readonly CatalogueEntry[],
  tests: readonly SourceText[],
): readonly string[] {
  const text = tests.map((file) => file.text).join("\n");
  const importing = tests.filter((file) => file.text.includes("grammar/diagnostics/"));
  const names = importing.map((file) => file.code).join("\n");
  return entries
    .filter(
      ({ code, name }) =>
        !new RegExp(`${code}(?![\\w-])`, "u").test(text) &&
        !text.includes(`"${code.slice(code.indexOf("/") + 1)}"`) &&
        !new RegExp(`\\b${name}\\b`, "u").test(names),
    )
    .map(({ file, code }) => `${file}: no test mentions \`${code}\``);
}

/** Entries that the product never makes. */
export function unusedEntries(
  entries: readonly CatalogueEntry[],
  product: readonly SourceText[],
): readonly string[] {
  return entries
    .filter(
      ({ file, name }) =>
        !product.some(
          ({ path, code }) => path !== file && new RegExp(`\\b${name}\\b`, "u").test(code),
        ),
    )
    .map(({ file, code }) => `${file}: nothing reports \`${code}\``);
}

/** Values in the exports of `modules` that `isOne` and that the list lacks. */
export const unlisted = <T>(
  modules: ReadonlyMap<string, object>,
  isOne: (value: unknown) => value is T,
  list: ReadonlySet<T>,
): readonly string[] =>
  [...modules].flatMap(([path, exports]) =>
    Object.entries(exports)
      .filter(([, value]: [string, unknown]) => isOne(value) && !list.has(value))
      .map(([name]) => `${path}: \`${name}\` is in no list`),
  );

/** Files that the list beside them does not import. */
export function unimported(files: readonly SourceText[], list: SourceText): readonly string[] {
  const imported = new Set(importsOf(list).map(({ specifier }) => specifier));
  const folder = list.path.slice(0, list.path.lastIndexOf("/") + 1);
  return files
    .filter(({ path }) => path !== list.path && path.startsWith(folder))
    .filter(({ path }) => !imported.has(`./${path.slice(folder.length, -".ts".length)}.js`))
    .map(({ path }) => `${path} is not in ${list.path}`);
}

/** What `package.json` says about packages and commands. */
export interface PackageFile {
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

/** Development tools that are run or read by the compiler and never imported. */
const tools: Readonly<Record<string, string>> = {
  typescript: "tsc",
  oxlint: "oxlint",
  oxfmt: "oxfmt",
};

/** Packages that nothing uses, packages used in the product but declared for development only. */
export function dependencyFaults(
  { scripts, dependencies, devDependencies }: PackageFile,
  files: readonly SourceText[],
): readonly string[] {
  const shipped = new Set<string>();
  const all = new Set<string>();
  for (const file of files)
    for (const { specifier } of file.path.endsWith(".ts") ? importsOf(file) : []) {
      if (specifier.startsWith(".") || specifier.startsWith("node:")) continue;
      const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
      all.add(name);
      if (/^(?:grammar|compiler|runtime|cli)\//u.test(file.path)) shipped.add(name);
    }
  const commands = Object.values(scripts).join(" ");
  const isTool = (name: string): boolean =>
    name === "@types/node" || new RegExp(`\\b${tools[name] ?? "^"}\\b`, "u").test(commands);
  return [
    ...Object.keys(dependencies)
      .filter((name) => !shipped.has(name))
      .map((name) => `the dependency \`${name}\` is imported nowhere in the product`),
    ...Object.keys(devDependencies)
      .filter((name) => !all.has(name) && !isTool(name))
      .map((name) => `the development dependency \`${name}\` is used nowhere`),
    ...[...shipped]
      .filter((name) => !(name in dependencies))
      .map((name) => `the product imports \`${name}\`, which is no dependency`),
    ...[...all]
      .filter((name) => !(name in dependencies) && !(name in devDependencies))
      .map((name) => `\`${name}\` is imported and not declared`),
    ...Object.entries({ ...dependencies, ...devDependencies })
      .filter(([, version]) => !/^\d+\.\d+\.\d+$/u.test(version))
      .map(([name, version]) => `\`${name}\` has no exact version: \`${version}\``),
  ];
}

/** Circles of imports, each as the path that closes it; imports of types alone make none. */
export function importCycles(files: readonly SourceText[]): readonly string[] {
  const targets = new Map(files.map((file) => [file.path, valueImports(file)] as const));
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) cycles.push([...trail.slice(start), path].join(" -> "));
    if (start >= 0 || done.has(path)) return;
    for (const target of targets.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const { path } of files) visit(path, []);
  return cycles;
}

function valueImports({ path, text, code }: SourceText): readonly string[] {
  const types = /\b(?:import|export)\s+type\b[^"';]*["']/gu;
  const spans = [...code.matchAll(types)].map((m) => text.slice(m.index).split(/["']/u, 2)[1]);
  return importsOf({ path, text, code })
    .map(({ specifier }) => specifier)
    .filter((specifier) => specifier.startsWith(".") && !spans.includes(specifier))
    .map((specifier) => new URL(specifier, `file:///${path}`).pathname.slice(1))
    .map((target) => target.replace(/\.js$/u, ".ts"));
}
