// The page's files in the server's package, made from what is in src; or its tests for Node.
// Knows nothing about what is in them.
//
//     node build.mjs           write the page
//     node build.mjs --check   exit 1 when a file differs from what would be written
//     node build.mjs --tests   write the tests

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { build } from "esbuild";

const HERE = import.meta.dirname;
const OURS = path.join(HERE, "..", "src", "auricle", "server", "page", "built");
const COPIED = ["index.html", "icon.svg"];
const LIBRARIES = ["preact", "@preact/signals", "@preact/signals-core", "wavesurfer.js"];

const common = {
  absWorkingDir: HERE,
  bundle: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  write: false,
};

if (process.argv.includes("--tests")) {
  const tests = readdirSync(path.join(HERE, "tests")).map((name) => path.join("tests", name));
  const outdir = path.join("node_modules", ".tests");
  await build({ ...common, entryPoints: tests, outdir, platform: "node", write: true });
} else {
  const files = { ...(await bundled()), ...copied(), "LICENSES.txt": licences() };
  const differing = Object.entries(files).filter(([name, content]) => !isAs(name, content));
  if (process.argv.includes("--check")) {
    for (const [name] of differing)
      console.error(`${name} is not what its sources make; run make page`);
    process.exitCode = differing.length ? 1 : 0;
  } else {
    mkdirSync(OURS, { recursive: true });
    for (const [name, content] of differing) writeFileSync(path.join(OURS, name), content);
  }
}

async function bundled() {
  const { outputFiles } = await build({
    ...common,
    entryPoints: ["src/app.tsx", "src/app.css", "src/microphone-worklet.ts"],
    outdir: "out",
    minify: true,
  });
  return Object.fromEntries(
    outputFiles.map(({ path: at, contents }) => [path.basename(at), contents]),
  );
}

function copied() {
  return Object.fromEntries(
    COPIED.map((name) => [name, readFileSync(path.join(HERE, "src", name))]),
  );
}

/** What the licences of the bundled libraries ask to be kept with them. */
function licences() {
  return LIBRARIES.map((name) => {
    const folder = path.join(HERE, "node_modules", name);
    const { version } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
    return `${name} ${version}\n\n${readFileSync(path.join(folder, "LICENSE"), "utf8").trim()}\n`;
  }).join("\n\n");
}

function isAs(name, content) {
  const at = path.join(OURS, name);
  return existsSync(at) && readFileSync(at).equals(Buffer.from(content));
}
