// Bundles the libraries that SillyTavern's frontend imports from /lib.js into one ES module, which the original has
// webpack do at every first start. Does nothing when the bundle is up to date.
// Usage: node scripts/bundle-lib.mjs [FRONTEND]   (a SillyTavern folder; default: node_modules/sillytavern)
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const frontend = path.resolve(process.argv[2] ?? path.join(root, 'node_modules/sillytavern'));
const entry = path.join(frontend, 'public/lib.js');
const bundle = path.join(root, 'target/frontend/lib.js');
const stamp = `${bundle}.stamp`;

const inputs = [entry, path.join(frontend, 'package.json'), path.join(root, 'package-lock.json'), fileURLToPath(import.meta.url)];
const hash = crypto.createHash('sha256').update(frontend);
for (const input of inputs) hash.update(fs.readFileSync(input));
const wanted = hash.digest('hex');

if (!fs.existsSync(bundle) || !fs.existsSync(stamp) || fs.readFileSync(stamp, 'utf8') !== wanted) {
  const { build } = await import('esbuild');
  fs.rmSync(stamp, { force: true });
  await build({
    stdin: {
      // webpack takes lodash for an AMD module, whereupon lodash also puts itself on the window as `_`; extensions use it.
      contents: `
        import { lodash } from './lib.js';
        globalThis._ = lodash;
        export * from './lib.js';
        export { default } from './lib.js';
      `,
      resolveDir: path.dirname(entry),
    },
    outfile: bundle,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    minify: true,
    legalComments: 'eof',
    logLevel: 'warning',
  });
  fs.writeFileSync(stamp, wanted);
}
