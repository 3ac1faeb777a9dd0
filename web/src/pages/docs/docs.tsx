import { useQuery } from '@tanstack/react-query';
import { ChevronRight } from 'lucide-react';
import { Page } from '@/parts/page';
import { ProblemNote } from '@/parts/problem';
import { Problem } from '@/api/problem';
import { Badge } from '@/ui/badge';
import { Button } from '@/ui/button';
import { Skeleton } from '@/ui/skeleton';
import { Table, Td, Th } from '@/ui/table';
import {
  type Document,
  exampleOf,
  fieldsOf,
  type Listed,
  operationsOf,
  resolve,
  type Schema,
  typeOf,
} from './document';

async function fetchDocument(): Promise<Document> {
  const response = await fetch('/openapi.json');
  if (!response.ok) throw new Problem(response.status, 'this binary has no /openapi.json');
  return (await response.json()) as Document;
}

/** Words between backticks are code; a line ends where a paragraph does. */
function Words({ text }: { text: string | undefined }) {
  const parts = (text ?? '')
    .trim()
    .replace(/(?<!\n)\n(?!\n)/g, ' ')
    .split(/`([^`]+)`/);
  return <>{parts.map((part, at) => (at % 2 === 1 ? <code key={at}>{part}</code> : part))}</>;
}

function Fields({ document, schema, label }: { document: Document; schema: Schema; label: string }) {
  const fields = fieldsOf(document, schema);
  if (fields.length === 0) return null;
  return (
    <Table
      label={label}
      head={
        <>
          <Th>Field</Th>
          <Th>Type</Th>
          <Th>Meaning</Th>
        </>
      }
    >
      {fields.map((field) => (
        <tr key={field.name}>
          <Td className="align-top whitespace-nowrap">
            <code className="text-xs">{field.name}</code>
            {field.required && <span className="ml-1 text-xs text-muted">required</span>}
          </Td>
          <Td className="align-top text-xs text-muted">{typeOf(document, field.schema)}</Td>
          <Td className="min-w-56 align-top text-xs">
            <Words text={field.schema.description} />
          </Td>
        </tr>
      ))}
    </Table>
  );
}

function Code({ text, label }: { text: string; label: string }) {
  return (
    <pre tabIndex={0} aria-label={label} className="overflow-x-auto rounded-lg bg-sunken p-3 font-mono text-xs">
      {text}
    </pre>
  );
}

function Details({ document, listed }: { document: Document; listed: Listed }) {
  const { operation } = listed;
  const body = operation.requestBody?.content['application/json'];
  const example = exampleOf(body);
  const parameters = (operation.parameters ?? []).map((parameter) => resolve(document, parameter));
  return (
    <div className="space-y-4 border-t border-line px-4 py-4 text-sm">
      {operation.description && (
        <p className="whitespace-pre-line text-muted">
          <Words text={operation.description} />
        </p>
      )}
      {parameters.length > 0 && (
        <Table
          label={`Parameters of ${operation.operationId}`}
          head={
            <>
              <Th>Parameter</Th>
              <Th>In</Th>
              <Th>Meaning</Th>
            </>
          }
        >
          {parameters.map((parameter) => (
            <tr key={`${parameter.in} ${parameter.name}`}>
              <Td className="whitespace-nowrap">
                <code className="text-xs">{parameter.name}</code>
                {parameter.required && <span className="ml-1 text-xs text-muted">required</span>}
              </Td>
              <Td className="text-xs text-muted">{parameter.in}</Td>
              <Td className="text-xs">
                <Words text={parameter.description} />
              </Td>
            </tr>
          ))}
        </Table>
      )}
      {body?.schema && (
        <div>
          <h4 className="mb-1 font-medium">Body</h4>
          <Fields document={document} schema={body.schema} label={`Body of ${operation.operationId}`} />
          {example && <Code text={example} label={`A body of ${operation.operationId}`} />}
        </div>
      )}
      <div>
        <h4 className="mb-1 font-medium">Answers</h4>
        <dl className="space-y-2">
          {Object.entries(operation.responses).map(([status, given]) => {
            const answer = resolve(document, given);
            const media = Object.values(answer.content ?? {})[0];
            return (
              <div key={status}>
                <dt className="font-mono text-xs">{status === 'default' ? 'an error' : status}</dt>
                <dd className="text-xs whitespace-pre-line text-muted">
                  <Words text={answer.description} />
                  {media?.schema && status !== 'default' && (
                    <div className="mt-2">
                      <Fields document={document} schema={media.schema} label={`Answer of ${operation.operationId}`} />
                    </div>
                  )}
                </dd>
              </div>
            );
          })}
        </dl>
      </div>
    </div>
  );
}

export function Docs() {
  const query = useQuery({ queryKey: ['openapi'], queryFn: fetchDocument, staleTime: Infinity });
  const document = query.data;
  return (
    <Page
      title="Admin API"
      note={document?.info.summary}
      actions={
        <Button asChild>
          <a href="/openapi.json" download>
            openapi.json
          </a>
        </Button>
      }
    >
      {query.error && <ProblemNote error={query.error} retry={() => void query.refetch()} />}
      {query.isPending && <Skeleton rows={8} />}
      {document && (
        <div className="space-y-8">
          <p className="max-w-prose text-sm whitespace-pre-line text-muted">
            <Words text={document.info.description} />
          </p>
          {document.tags.map((tag) => (
            <section key={tag.name} aria-labelledby={`tag-${tag.name}`}>
              <h2 id={`tag-${tag.name}`} className="text-lg font-semibold first-letter:uppercase">
                {tag.name}
              </h2>
              <p className="mt-1 mb-3 max-w-prose text-sm text-muted">
                <Words text={tag.description} />
              </p>
              <div className="space-y-2">
                {operationsOf(document, tag.name).map((listed) => (
                  <details
                    key={`${listed.method} ${listed.path}`}
                    className="group rounded-lg border border-line bg-card"
                  >
                    <summary className="flex cursor-pointer flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2.5 text-sm">
                      <ChevronRight className="size-4 text-muted group-open:rotate-90" aria-hidden />
                      <Badge look={listed.method === 'get' ? 'good' : listed.method === 'delete' ? 'bad' : 'warn'}>
                        {listed.method.toUpperCase()}
                      </Badge>
                      <code className="text-xs break-all">{listed.path}</code>
                      <span className="text-muted">{listed.operation.summary}</span>
                    </summary>
                    <Details document={document} listed={listed} />
                  </details>
                ))}
              </div>
            </section>
          ))}
        </div>
      )}
    </Page>
  );
}
