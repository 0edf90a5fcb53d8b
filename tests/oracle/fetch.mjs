// Node's own fetch knows no proxy, by which the original reaches the internet of the tests: the little that it asks that way
// goes by the library that it asks everything else with.

import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const library = createRequire(process.argv[1]).resolve('node-fetch');
({ default: globalThis.fetch } = await import(pathToFileURL(library)));
