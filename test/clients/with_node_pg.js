// with_node_pg.js MODE STATEMENT [PARAMETER]...: runs a statement with node-pg,
// once for each parameter.
//
// MODE is plain; or begin: inside BEGIN; or prepared: as a named statement.
// Connects to where PGHOST and the like say.  Prints each notice when it
// arrives, then "done" or the error's code and hint.

const { Client } = require('pg');

async function main([mode, statement, ...parameters]) {
  const client = new Client();
  client.on('notice', (notice) => console.log(`NOTICE:  ${notice.message}`));
  await client.connect();
  try {
    if (mode === 'begin') {
      await client.query('BEGIN');
    }
    if (parameters.length === 0) {
      await client.query(statement);
    }
    for (const parameter of parameters) {
      const name = mode === 'prepared' ? 'deploy' : undefined;
      await client.query({ name, text: statement, values: [parameter] });
    }
    if (mode === 'prepared') {
      const { rows } = await client.query("SELECT FROM pg_prepared_statements WHERE name = 'deploy'");
      console.log(`prepared: ${rows.length}`);
    }
    console.log('done');
  } catch (error) {
    console.log(`${error.code} ${error.hint || error.message}`);
  }
  await client.end();
}

main(process.argv.slice(2));
