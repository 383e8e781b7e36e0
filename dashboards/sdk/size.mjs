/**
 * Holds the client to its size: what a page loads before it has a connection over WebSocket and JSON, minified and gzipped
 * (level 9), the static imports of the main entry included. Parts that are loaded on demand are shown and not counted.
 * Measures the file for pages without a bundler, and what a bundler makes of `import { FeedClient }` (Vite in library mode: in
 * a page it adds 0.6 kB of its own for preloading whatever is loaded on demand). Run after the build; exits with 1 beyond it.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';

/** 6 kB. */
const LIMIT_BYTES = 6000;
const dist = fileURLToPath(new URL('./dist/', import.meta.url));

/** Chunks by file name, as { code, imports (static ones), isEntry }. */
function shipped() {
  const folder = join(dist, 'browser');
  const chunks = {};
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.js'))) {
    const code = readFileSync(join(folder, file), 'utf8');
    const imports = [...code.matchAll(/\bfrom\s*["'`]\.\/([^"'`]+)/g)].map((match) => match[1]);
    chunks[file] = { code, imports, isEntry: file === 'tickcast.js' };
  }
  return chunks;
}

/** A page that uses the client, as a bundler makes it. */
async function bundled() {
  const folder = mkdtempSync(join(tmpdir(), 'tickcast-size-'));
  try {
    const entry = join(folder, 'page.js');
    const client = JSON.stringify(join(dist, 'index.js'));
    writeFileSync(entry, `import { FeedClient } from ${client}; globalThis.feed = FeedClient;`);
    const [built] = await build({
      configFile: false,
      logLevel: 'silent',
      root: folder,
      build: {
        write: false,
        target: 'es2022',
        lib: { entry, formats: ['es'] },
        // As in a page: what parts share stays in the entry.
        rolldownOptions: {
          preserveEntrySignatures: 'allow-extension',
          output: { minify: true, comments: false },
        },
      },
    });
    return Object.fromEntries(built.output.map((chunk) => [chunk.fileName, chunk]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function measure(title, chunks) {
  const [entry] = Object.keys(chunks).filter((name) => chunks[name].isEntry);
  const counted = new Set([entry]);
  for (const name of counted) for (const needed of chunks[name].imports) counted.add(needed);
  let total = 0;
  for (const [name, { code }] of Object.entries(chunks)) {
    const bytes = gzipSync(code, { level: 9 }).length;
    if (counted.has(name)) total += bytes;
    console.log(
      `  ${String(bytes).padStart(5)}  ${name}${counted.has(name) ? '' : ' (on demand)'}`,
    );
  }
  console.log(`${title}: ${total} bytes of at most ${LIMIT_BYTES}`);
  return total <= LIMIT_BYTES;
}

const fits = [
  measure('without a bundler, every export', shipped()),
  measure('bundled, FeedClient', await bundled()),
];
if (fits.includes(false)) process.exitCode = 1;
