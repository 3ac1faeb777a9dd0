// Logging in and out. The session lies in a cookie that no script can read; what the page knows of it is this.
import { api, data, type Schemas, setCsrfToken } from './client';
import { Problem } from './problem';

export type Session = Schemas['Session'];
export type Role = Session['role'];

const ranks: Record<Role, number> = { viewer: 0, operator: 1, admin: 2 };

export function may(session: Session, role: Role): boolean {
  return ranks[session.role] >= ranks[role];
}

async function entered(answer: Promise<{ data?: Session }>): Promise<Session> {
  const session = await data(answer);
  setCsrfToken(session.csrf_token);
  return session;
}

/** Null: nobody is logged in. */
export async function showSession(): Promise<Session | null> {
  try {
    return await entered(api.GET('/api/v1/session'));
  } catch (error) {
    if (error instanceof Problem && error.status === 401) return null;
    throw error;
  }
}

export type Credentials = { username: string; password: string } | { admin_key: string };

export async function logIn(credentials: Credentials): Promise<Session> {
  return entered(api.POST('/api/v1/session', { body: credentials }));
}

export async function logOut(): Promise<void> {
  await api.DELETE('/api/v1/session');
  setCsrfToken('');
}

/** Whether nobody has set up a first admin yet, and whom people may log in with beside passwords. */
export async function waysIn() {
  return data(api.GET('/api/v1/setup'));
}

/** Where a browser goes to log in with the provider; it comes back to the page that it is on. */
export function providerLogin(): string {
  const here = location.pathname + location.search;
  return `/api/auth/oidc?${new URLSearchParams({ return_to: here })}`;
}

export async function setUp(link: string, username: string, password: string): Promise<Session> {
  return entered(api.POST('/api/v1/setup', { body: { link, username, password } }));
}
