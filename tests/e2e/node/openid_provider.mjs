// A certified OpenID provider (npm: oidc-provider) with people of our own, for the tests of logging in with one.
// Told by one line of JSON as its argument:
//   {"port", "client_id", "client_secret", "redirect_uri", "client": {},
//    "people": {"ann": {"email", "email_verified", "groups"}}}
// Who logs in gives a name of `people` and any password, in its own pages. A line on standard input is new `people`.
// Prints "ready" when it listens.
import { generateKeyPairSync } from 'node:crypto';
import { createInterface } from 'node:readline';
import { Provider } from 'oidc-provider';

const told = JSON.parse(process.argv[2]);
let people = told.people;

const key = (type, options, alg) =>
  ({ ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), alg, kid: alg, use: 'sig' });

const provider = new Provider(`http://localhost:${told.port}`, {
  clients: [
    {
      client_id: told.client_id,
      client_secret: told.client_secret,
      redirect_uris: [told.redirect_uri],
      ...told.client,
    },
  ],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'] },
  scopes: ['openid', 'email', 'groups'],
  jwks: { keys: [key('rsa', { modulusLength: 2048 }, 'RS256'), key('ec', { namedCurve: 'P-256' }, 'ES256')] },
  pkce: { required: () => true },
  cookies: { keys: ['only for tests'] },
  findAccount: (_, id) => people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id] }) },
});
provider.on('server_error', (_, error) => console.error(error));
provider.on('grant.error', (_, error) => console.error(error));
createInterface({ input: process.stdin }).on('line', (line) => {
  people = JSON.parse(line);
  console.log('heard');
});
provider.listen(told.port, '127.0.0.1', () => console.log('ready'));
