/**
 * Unpacks the Chromium that @sparticuz/chromium carries into node_modules/.cache and prints, as JSON, how to start it:
 * {"executable": path, "environment": {…}}. For machines without a Chromium of their own; nothing is fetched.
 */

import { createReadStream, createWriteStream, existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { createBrotliDecompress } from "node:zlib";
import { extract } from "tar-fs";

const packages = join(dirname(fileURLToPath(import.meta.url)), "node_modules");
const source = join(packages, "@sparticuz/chromium");
const { version } = JSON.parse(await readFile(join(source, "package.json"), "utf8"));
const folder = join(packages, ".cache", `chromium-${version}`);

if (!existsSync(folder)) {
  await unpack();
}
const environment = { LD_LIBRARY_PATH: join(folder, "lib") };
if (!existsSync("/etc/fonts/fonts.conf")) {
  environment.FONTCONFIG_FILE = join(folder, "fonts.conf");
}
console.log(JSON.stringify({ executable: join(folder, "chromium"), environment }));

/** Into a folder of this process's own, which then takes the name: several test processes may arrive at once. */
async function unpack() {
  await mkdir(dirname(folder), { recursive: true });
  const fresh = await mkdtemp(`${folder}-`);
  await Promise.all([
    inflate("chromium", createWriteStream(join(fresh, "chromium"), { mode: 0o755 })),
    inflate("al2023.tar", extract(fresh)),
    inflate("fonts.tar", extract(fresh)),
  ]);
  await writeFile(
    join(fresh, "fonts.conf"),
    `<?xml version="1.0"?><fontconfig><dir>${join(folder, "fonts")}</dir><cachedir>${folder}</cachedir></fontconfig>\n`,
  );
  try {
    await rename(fresh, folder);
  } catch (error) {
    await rm(fresh, { recursive: true });
    if (!existsSync(folder)) {
      throw error;
    }
  }
}

function inflate(name, target) {
  return pipeline(createReadStream(join(source, "bin", `${name}.br`)), createBrotliDecompress(), target);
}
