// Packs build/web into build/pages.pack, the one file that the binary embeds (read by src/pages/pack.cpp):
// a line `metergate-pages 1 COUNT`, COUNT lines `PATH ETAG OFFSET SIZE RAW_SIZE` sorted by path, and the files, each
// compressed with gzip. OFFSET counts from behind the last line. So is openapi.json, which is api/openapi.yaml.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parse } from 'yaml';

const root = new URL('..', import.meta.url).pathname;
const folder = join(root, 'build/web');

writeFileSync(
  join(folder, 'openapi.json'),
  JSON.stringify(parse(readFileSync(join(root, 'api/openapi.yaml'), 'utf8'))),
);

const files = readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => '/' + relative(folder, join(entry.parentPath, entry.name)))
  .sort((a, b) => (a < b ? -1 : 1));

let offset = 0;
const lines = [];
const parts = [];
for (const path of files) {
  const raw = readFileSync(join(folder, path));
  const packed = gzipSync(raw, { level: 9 });
  const etag = createHash('sha256').update(raw).digest('hex').slice(0, 16);
  lines.push(`${path} ${etag} ${offset} ${packed.length} ${raw.length}`);
  parts.push(packed);
  offset += packed.length;
}
const head = [`metergate-pages 1 ${files.length}`, ...lines].join('\n') + '\n';
writeFileSync(join(root, 'build/pages.pack'), Buffer.concat([Buffer.from(head), ...parts]));
console.log(`web: ${files.length} files, ${Math.ceil(offset / 1024)} KiB compressed`);
