import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { api, data, type Schemas } from '@/api/client';
import { dollars, inUnit, plain } from '@/lib/decimal';
import { CopyButton } from '@/parts/copy_button';
import { ProblemNote } from '@/parts/problem';
import { When } from '@/parts/when';
import { Badge, type Look } from '@/ui/badge';
import { Button } from '@/ui/button';
import { Select } from '@/ui/field';

export type Verdict = Schemas['CallVerdict'];
export type Explanation = Verdict & { limits: Schemas['ExplainedLimit'][]; balance: Schemas['ExplainedBalance'] };
export type Question = Schemas['ImaginedCall'];

type OfLimit = Schemas['ExplainedLimit']['verdict'] | NonNullable<Schemas['ExplainedBalance']>['verdict'];

/** What a limit or a balance says by itself. */
function said(verdict: OfLimit, cap: number | null): [Look, string] {
  switch (verdict) {
    case 'admits':
      return ['good', 'admits it'];
    case 'clamps':
      return ['warn', `admits ${plain(cap ?? 0)} tokens of answer`];
    case 'limit_reached':
    case 'insufficient_balance':
      return ['bad', 'refuses it'];
    case 'limit_busy':
      return ['warn', 'is held by calls under way'];
    case 'counts':
      return ['plain', 'only counts it'];
    case 'does_not_apply':
      return ['plain', 'is not for it'];
    case null:
      return ['plain', 'cannot say'];
  }
}

interface Saying {
  name: string;
  /** Whose it is. */
  of: string;
  badge: [Look, string];
  takes: string | null;
  left: string;
  decides: boolean;
}

function Saying({ name, of, badge, takes, left, decides }: Saying) {
  const [look, text] = badge;
  return (
    <li data-explained={name} className="py-2.5 text-sm first:pt-0 last:pb-0">
      <div className="flex flex-wrap items-baseline justify-between gap-x-3 gap-y-1">
        <span className="min-w-0 break-words">
          {name} <span className="text-muted">{of}</span>
        </span>
        <Badge look={look}>{text}</Badge>
      </div>
      <p className="mt-0.5 text-xs text-muted tabular-nums">
        {takes !== null && <>it takes {takes} at most · </>}
        {left} left
        {decides && ' · this one decides'}
      </p>
    </li>
  );
}

function Sayings({ found }: { found: Explanation }) {
  const { limits, balance } = found;
  if (limits.length === 0 && balance === null)
    return <p className="text-sm text-warn">Neither a limit nor a balance bounds this call.</p>;
  return (
    <ul aria-label="What each limit says" className="divide-y divide-line border-t border-line pt-3">
      {limits.map((limit) => (
        <Saying
          key={limit.id}
          name={limit.name}
          of={`on ${limit.subject_name}`}
          badge={said(limit.verdict, limit.output_cap)}
          takes={limit.required && inUnit(limit.required_if_clamped ?? limit.required, limit.unit)}
          left={inUnit(limit.available, limit.unit)}
          decides={found.decided_by === limit.id}
        />
      ))}
      {balance && (
        <Saying
          name="Balance"
          of={`of ${balance.account_name}, with its markup`}
          badge={said(balance.verdict, balance.output_cap)}
          takes={balance.required && dollars(balance.required_if_clamped ?? balance.required)}
          left={dollars(balance.available)}
          decides={found.verdict === 'insufficient_balance'}
        />
      )}
    </ul>
  );
}

function Line({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-muted">{name}</dt>
      <dd className="min-w-0 break-words tabular-nums">{children}</dd>
    </>
  );
}

function Expected({ cost }: { cost: Schemas['ExpectedCost'] }) {
  if (cost.usd === null || cost.derived_from === null)
    return <span className="text-muted">not known: {cost.unknown_because}</span>;
  const { calls, calls_of: of, since } = cost.derived_from;
  return (
    <>
      <span data-number="expected">{dollars(cost.usd)}</span>
      <span className="block text-xs text-muted">
        as {plain(calls)} calls {of === 'key' ? 'of this key' : 'of anybody'} with this model cost since{' '}
        <When at={since} />
      </span>
    </>
  );
}

function Amounts({ of }: { of: NonNullable<Schemas['Amounts']> }) {
  return (
    <span className="block text-xs text-muted">
      {plain(of.input_tokens)} tokens in, {plain(of.output_tokens)} out
    </span>
  );
}

/** The verdict over the whole call, its cost, and what each limit says. */
export function ExplanationOf({ found, expected, held }: {
  found: Explanation;
  expected: Schemas['ExpectedCost'] | null;
  held: boolean;
}) {
  const { verdict, worst_case: worst, clamped_worst_case: clamped } = found;
  const admitted = verdict === 'admitted' || verdict === 'admitted_clamped';
  return (
    <section aria-label="What would become of it" className="space-y-4 border-t border-line pt-4">
      <div className="space-y-1 text-sm">
        <Badge look={verdict === 'admitted' ? 'good' : admitted ? 'warn' : 'bad'}>
          {verdict === 'admitted' && 'It would be admitted'}
          {verdict === 'admitted_clamped' && 'It would be admitted with a shorter answer'}
          {!admitted && `It would be refused: ${verdict.replaceAll('_', ' ')}`}
        </Badge>
        {found.message && <p className="break-words">{found.message}</p>}
        {!held && <p className="text-muted">Nothing is held for it, and nobody was called.</p>}
      </div>
      <dl className="grid grid-cols-[max-content_minmax(0,1fr)] gap-x-6 gap-y-2 text-sm">
        <Line name="At most">
          {worst ? (
            <>
              <span data-number="worst">{dollars(worst.usd)}</span>
              <Amounts of={worst} />
            </>
          ) : (
            <span className="text-muted">not known</span>
          )}
        </Line>
        {clamped && (
          <Line name="Shortened">
            <span data-number="clamped">{dollars(clamped.usd)}</span>
            <Amounts of={clamped} />
            <span className="block text-xs text-muted">an answer of {plain(found.clamped_to ?? 0)} tokens at most</span>
          </Line>
        )}
        {expected && (
          <Line name="Expected">
            <Expected cost={expected} />
          </Line>
        )}
        <Line name="Goes to">
          {found.upstream || '–'} on the route {found.route || '–'}
        </Line>
        {found.price_version && <Line name="Prices">version {found.price_version}</Line>}
      </dl>
      <Sayings found={found} />
    </section>
  );
}

const times: [number, string][] = [
  [60, 'a minute'],
  [600, '10 minutes'],
  [3600, 'an hour'],
];

/** Holds what the call costs at most, for a call that brings the quote's id. */
export function HoldQuote({ question, onHeld }: { question: Question; onHeld: () => void }) {
  const queries = useQueryClient();
  const [seconds, setSeconds] = useState(600);
  const holding = useMutation({
    mutationFn: () => data(api.POST('/api/v1/quote', { body: { ...question, hold: true, ttl_seconds: seconds } })),
    onSuccess: () => {
      for (const name of ['limits', 'balance']) void queries.invalidateQueries({ queryKey: [name] });
      onHeld();
    },
  });
  const held = holding.data?.held;
  if (held)
    return (
      <section aria-label="Held" className="space-y-2 rounded-lg bg-sunken p-3 text-sm">
        <p>
          Held until <When at={held.expires} />. A call of this key that sends this header in that time is paid from it:
        </p>
        <div className="flex items-center gap-2">
          <code className="min-w-0 flex-1 text-xs break-all" data-quote={held.id}>
            X-Metergate-Quote: {held.id}
          </code>
          <CopyButton text={held.id} what="the quote's id" />
        </div>
      </section>
    );
  return (
    <section aria-label="Hold it" className="space-y-3 border-t border-line pt-4">
      {holding.error && <ProblemNote error={holding.error} />}
      <div className="flex flex-wrap items-end justify-between gap-3">
        <Select label="For" value={seconds} onChange={(event) => setSeconds(Number(event.target.value))}>
          {times.map(([value, name]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </Select>
        <Button disabled={holding.isPending} onClick={() => holding.mutate()}>
          Hold what it costs at most
        </Button>
      </div>
    </section>
  );
}
