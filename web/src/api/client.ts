// The way to the admin API. Paths, queries, bodies and answers have the types of api/openapi.yaml.
import createClient from 'openapi-fetch';
import { Problem, problemOf } from './problem';
import type { components, paths } from './schema.gen';

export type Schemas = components['schemas'];
export type Account = Schemas['Account'];
export type Key = Schemas['Key'];
export type Limit = Schemas['Limit'];
export type LimitState = Schemas['LimitState'];
export type UsageRecord = Schemas['UsageRecord'];
export type UsageSum = Schemas['UsageSum'];
export type Unresolved = Schemas['Unresolved'];

const base = () => window.location.origin;

let csrfToken = '';
let onLoggedOut: () => void = () => undefined;

/** What every request that changes something sends from now on (POST /api/v1/session gave it). */
export function setCsrfToken(token: string): void {
  csrfToken = token;
}

/** Called when the API says that nobody is logged in any more. */
export function whenLoggedOut(listener: () => void): void {
  onLoggedOut = listener;
}

export const api = createClient<paths>({ baseUrl: base() });

api.use({
  onRequest({ request }) {
    if (request.method !== 'GET' && csrfToken) request.headers.set('X-CSRF-Token', csrfToken);
    return request;
  },
  async onResponse({ response }) {
    if (response.ok) return response;
    if (response.status === 401 && csrfToken) {
      csrfToken = '';
      onLoggedOut();
    }
    throw await problemOf(response);
  },
  onError() {
    return new Problem(0, 'the server does not answer; is it running?');
  },
});

/** The answer's body. Throws a Problem, which the middleware above made, for every answer that is none. */
export async function data<T>(answer: Promise<{ data?: T }>): Promise<T> {
  const { data: body } = await answer;
  if (body === undefined) throw new Problem(0, 'the server answered nothing');
  return body;
}

/** A text that the API takes for one order of money, however often it is sent. */
export function newIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `page-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
