// test/mermaid/nodes.mjs NODE_MODULES: what Mermaid's own parser has read of the
// picture on the standard input: a line "label|class" for each node, and a line
// "revision -> revision" for each edge, with "dotted" behind it where it is.

import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const load = (file) => import(pathToFileURL(`${process.argv[2]}/${file}`));
const { JSDOM } = (await load('jsdom/lib/api.js')).default;
globalThis.window = new JSDOM('').window;
globalThis.document = window.document;
const mermaid = (await load('mermaid/dist/mermaid.core.mjs')).default;

const text = readFileSync(0, 'utf8');
await mermaid.parse(text);
const { db } = await mermaid.mermaidAPI.getDiagramFromText(text);

// As Mermaid keeps #34; until it draws.
const label = (id) => db.getVertices().get(id).text.replace(/ﬂ°°(\d+)¶ß/g, (_, code) => String.fromCodePoint(code));
for (const [id, node] of db.getVertices())
	console.log(`${label(id)}|${node.classes}`);
const revision = (id) => label(id).replace(/ \(.*/s, '');
for (const edge of db.getEdges())
	console.log(`${revision(edge.start)} -> ${revision(edge.end)}${edge.stroke === 'dotted' ? ' dotted' : ''}`);
