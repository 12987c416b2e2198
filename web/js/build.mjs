/**
 * Builds what a page loads into ../static/vendor: one module per feature, the style kit, the icons that are used, the
 * sentences that scripts say, and the licences of everything that is in there.
 */

import { build } from "esbuild";
import { mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const packages = join(here, "node_modules");
const target = join(here, "..", "static", "vendor");
const fresh = `${target}.new`;
const FEATURES = ["autosave", "diagram", "errors"];

await rm(fresh, { recursive: true, force: true });
await mkdir(fresh, { recursive: true });
const bundled = await bundle();
await kit();
await icons();
await words();
await licences(new Set([...bundled, "bootstrap", "@tabler/icons"]));
await rm(target, { recursive: true, force: true });
await rename(fresh, target);

/** -> the names of the packages that went into the bundles. */
async function bundle() {
  const { metafile } = await build({
    absWorkingDir: here,
    entryPoints: FEATURES.map((name) => ({ in: `${name}/index.js`, out: name })),
    outdir: fresh,
    bundle: true,
    format: "esm",
    splitting: true,
    minify: true,
    charset: "utf8",
    legalComments: "linked",
    target: ["chrome87", "firefox78", "safari14.1"],
    loader: { ".woff": "file", ".woff2": "file", ".eot": "empty" },
    metafile: true,
    logLevel: "warning",
  });
  return Object.values(metafile.outputs)
    .flatMap((output) => Object.keys(output.inputs))
    .map((path) => path.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1])
    .filter(Boolean);
}

/** Bootstrap's style sheet without its `data:` images, so that the policy `img-src 'self'` holds, and without its map. */
async function kit() {
  const style = await readFile(join(packages, "bootstrap/dist/css/bootstrap.min.css"), "utf8");
  await writeFile(
    join(fresh, "bootstrap.min.css"),
    style.replace(/url\("data:[^"]*"\)/g, "none").replace(/\/\*# sourceMappingURL.*\*\//, ""),
  );
}

/** One sprite of the outlines named in icons.json: <use href="…/icons.svg#NAME">. */
async function icons() {
  const names = JSON.parse(await readFile(join(here, "icons.json"), "utf8"));
  const symbols = await Promise.all(
    names.map(async (name) => {
      const svg = await readFile(join(packages, `@tabler/icons/icons/outline/${name}.svg`), "utf8");
      const inner = svg.match(/<svg[^>]*>([\s\S]*)<\/svg>/)[1].replace(/\s*\n\s*/g, "");
      return (
        `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" ` +
        `stroke-linecap="round" stroke-linejoin="round">${inner}</symbol>`
      );
    }),
  );
  await writeFile(join(fresh, "icons.svg"), `<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join("\n")}\n</svg>\n`);
}

/** words.json: the sentences said by scripts, for the server to translate into the page. */
async function words() {
  const sentences = new Set();
  for (const feature of FEATURES) {
    const source = await readFile(join(here, feature, "index.js"), "utf8");
    for (const [, sentence] of source.matchAll(/gettext\("([^"]+)"/g)) {
      sentences.add(sentence);
    }
  }
  await writeFile(join(fresh, "words.json"), `${JSON.stringify([...sentences].sort(), null, 1)}\n`);
}

/** packages.json for THIRD_PARTY.md, and LICENSES.txt with the full texts, which must travel with the copies. */
async function licences(names) {
  const list = [];
  const texts = [];
  for (const name of [...names].sort()) {
    const folder = join(packages, name);
    const { version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file ? await readFile(join(folder, file), "utf8") : `Licence: ${license}\n`;
    list.push({ name, version, license });
    texts.push(`${name} ${version} (${license})\n\n${text.trim()}\n`);
  }
  await writeFile(join(fresh, "packages.json"), `${JSON.stringify(list, null, 1)}\n`);
  await writeFile(join(fresh, "LICENSES.txt"), texts.join(`\n${"-".repeat(80)}\n\n`));
}
