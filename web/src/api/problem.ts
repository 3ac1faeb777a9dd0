import type { components } from './schema.gen';

export type ProblemBody = components['schemas']['Problem'];

/** What the API refused, or that it did not answer. */
export class Problem extends Error {
  readonly status: number;
  /** The field of the request that is wrong, if it is one. */
  readonly field: string | undefined;

  constructor(status: number, detail: string, field?: string) {
    super(detail);
    this.status = status;
    this.field = field;
  }
}

/** Of an answer that is none: its detail, or at least its status. */
export async function problemOf(response: Response): Promise<Problem> {
  const text = await response.text();
  try {
    const body = JSON.parse(text) as Partial<ProblemBody>;
    return new Problem(response.status, body.detail ?? response.statusText, body.field);
  } catch {
    return new Problem(response.status, `the server answered ${response.status} ${response.statusText}`);
  }
}
