// What the reference reads of /openapi.json. Everything in it is described here as far as the page shows it.

export interface Schema {
  $ref?: string;
  type?: string | string[];
  description?: string;
  format?: string;
  pattern?: string;
  enum?: unknown[];
  default?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  allOf?: Schema[];
  oneOf?: Schema[];
  example?: unknown;
  examples?: unknown[];
}

interface Media {
  schema?: Schema;
  example?: unknown;
  examples?: Record<string, { value: unknown }>;
}

export interface Parameter {
  $ref?: string;
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema?: Schema;
}

export interface Answer {
  $ref?: string;
  description: string;
  content?: Record<string, Media>;
}

export interface Operation {
  tags: string[];
  operationId: string;
  summary: string;
  description?: string;
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content: Record<string, Media> };
  responses: Record<string, Answer>;
}

export interface Document {
  info: { title: string; version: string; summary: string; description: string };
  tags: { name: string; description?: string }[];
  paths: Record<string, Record<string, unknown>>;
  components: Record<string, Record<string, unknown>>;
}

export interface Listed {
  method: string;
  path: string;
  operation: Operation;
}

const methods = ['get', 'post', 'put', 'patch', 'delete'];

/** What a `$ref` stands for; anything else is itself. */
export function resolve<T extends { $ref?: string }>(document: Document, value: T): T {
  const [, kind, name] = /^#\/components\/(\w+)\/(.+)$/.exec(value.$ref ?? '') ?? [];
  const found = kind && name ? document.components[kind]?.[name] : undefined;
  return found ? ({ ...(found as T), ...value, $ref: undefined } as T) : value;
}

/** The operations of one tag, in the document's order. */
export function operationsOf(document: Document, tag: string): Listed[] {
  return Object.entries(document.paths).flatMap(([path, item]) => {
    const shared = (item.parameters ?? []) as Parameter[];
    return methods
      .filter((method) => method in item)
      .map((method) => item[method] as Operation)
      .map((operation, at) => ({
        method: methods.filter((method) => method in item)[at] ?? '',
        path,
        operation: { ...operation, parameters: [...shared, ...(operation.parameters ?? [])] },
      }))
      .filter(({ operation }) => operation.tags.includes(tag));
  });
}

/** A schema's fields, with those of what it is made of. */
export function fieldsOf(document: Document, schema: Schema): { name: string; required: boolean; schema: Schema }[] {
  const whole = resolve(document, schema);
  const required = new Set(whole.required ?? []);
  const own = Object.entries(whole.properties ?? {}).map(([name, field]) => ({
    name,
    required: required.has(name),
    schema: resolve(document, field),
  }));
  return [...(whole.allOf ?? []).flatMap((part) => fieldsOf(document, part)), ...own];
}

/** "string or null", "array of objects", "one of a, b". */
export function typeOf(document: Document, schema: Schema): string {
  const whole = resolve(document, schema);
  if (whole.enum) return `one of ${whole.enum.map(String).join(', ')}`;
  if (whole.oneOf) return [...new Set(whole.oneOf.map((part) => typeOf(document, part)))].join(' or ');
  if (whole.type === 'array') return `array of ${whole.items ? typeOf(document, whole.items) : 'anything'}`;
  const types = [whole.type ?? 'object'].flat().join(' or ');
  return whole.format ? `${types} (${whole.format})` : types;
}

/** The first example of a body, as text. */
export function exampleOf(media: Media | undefined): string | undefined {
  const value = media?.example ?? Object.values(media?.examples ?? {})[0]?.value;
  return value === undefined ? undefined : JSON.stringify(value, null, 2);
}
