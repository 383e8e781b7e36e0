/**
 * Builds the script and the style of the load tester's reports into `dist/`, one file each: `load-tester` embeds both and
 * puts them into every report that it writes. uPlot is bundled in; its licence goes with it, as that asks for.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { defineConfig } from 'vite';

const uplot = dirname(createRequire(import.meta.url).resolve('uplot/package.json'));
const licence = readFileSync(`${uplot}/LICENSE`, 'utf8').trim();

export default defineConfig({
  resolve: { conditions: ['source', 'module', 'browser', 'development|production'] },
  build: {
    target: 'es2022',
    lib: {
      entry: 'src/main.ts',
      formats: ['iife'],
      name: 'report',
      fileName: () => 'report.js',
      cssFileName: 'report',
    },
  },
  plugins: [
    {
      name: 'licence',
      enforce: 'post',
      generateBundle: (_options, bundle) => {
        const script = bundle['report.js'];
        if (script?.type !== 'chunk') throw new Error('the bundle has no report.js');
        script.code = `/*! Contains uPlot (https://github.com/leeoniya/uPlot).\n${licence}\n*/\n${script.code}`;
      },
    },
  ],
});
