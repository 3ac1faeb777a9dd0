import type { ReactNode } from 'react';
import { Link, useParams } from 'react-router';
import type { Schemas, UsageRecord } from '@/api/client';
import { useStory } from '@/api/record';
import { compare, dollars, inUnit, minus, percent, plain } from '@/lib/decimal';
import { showDuration } from '@/lib/time';
import { CopyButton } from '@/parts/copy_button';
import { Empty } from '@/parts/empty';
import { AccountName, KeyName } from '@/parts/names';
import { Page } from '@/parts/page';
import { ProblemNote } from '@/parts/problem';
import { isOpen, Outcome } from '@/parts/record_table';
import { When } from '@/parts/when';
import { PriceLines } from './price_lines';
import { Button } from '@/ui/button';
import { Card } from '@/ui/card';
import { Skeleton } from '@/ui/skeleton';
import { Table, Td, Th } from '@/ui/table';

/** The names of limits by their ids. */
type Limits = Record<string, string>;

/** A limit that was removed has no name, and a grant of a balance never had one. */
function nameOf(id: string, limits: Limits): string {
  return limits[id] ?? `without a name (${id.slice(0, 8)}…)`;
}

function Facts({ facts }: { facts: [string, ReactNode][] }) {
  return (
    <dl className="grid grid-cols-[max-content_minmax(0,1fr)] gap-x-6 gap-y-2 text-sm">
      {facts.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-muted">{name}</dt>
          <dd className="break-words">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Step({ title, children }: { title: string; children: ReactNode }) {
  return (
    <li className="relative border-l border-line pb-5 pl-5 last:pb-0">
      <span className="absolute top-1.5 -left-[5px] size-2.5 rounded-full bg-accent" aria-hidden />
      <h3 className="text-sm font-medium">{title}</h3>
      <div className="mt-0.5 space-y-1 text-sm text-muted">{children}</div>
    </li>
  );
}

function ending(record: UsageRecord): ReactNode {
  const share = compare(record.estimate, '0') > 0 ? ` That is ${percent(record.cost, record.estimate)} of it.` : '';
  switch (record.outcome) {
    case 'refused':
      return 'It was refused before it left, so it cost nothing.';
    case 'unaccounted':
      return 'It stands for calls that a crash lost.';
    case 'corrected':
      return `It books what an earlier record cost after all: ${dollars(record.cost)}.`;
    case 'opened':
      return 'It holds what a new limit found spent.';
    default:
      return `${dollars(record.cost)} was booked.${share}`;
  }
}

function RefusedBy({ by, limits }: { by: Schemas['RefusedBy']; limits: Limits }) {
  const name = by.balance ? 'the prepaid balance' : `the limit ${nameOf(by.limit ?? '', limits)}`;
  const amount = (value: string | undefined) => (by.unit && value !== undefined ? inUnit(value, by.unit) : 'not known');
  return (
    <p>
      It may have needed <span data-number="required">{amount(by.required)}</span>, and {name} had{' '}
      <span data-number="available">{amount(by.available)}</span> of {amount(by.amount)} left.
      {by.blocked_at_percent !== null && ` It is blocked from ${by.blocked_at_percent} % on.`}
      {by.resets_at && (
        <>
          {' '}
          It resets at <When at={by.resets_at} />.
        </>
      )}
    </p>
  );
}

function Story({ record, limits }: { record: UsageRecord; limits: Limits }) {
  const refused = record.outcome === 'refused';
  return (
    <Card title="What happened">
      <ol>
        <Step title="It came">
          <p>
            <When at={record.started} /> on the route {record.route || '–'}, asking for {record.model || 'no model'}
            {record.stream ? ', as a stream.' : '.'}
          </p>
        </Step>
        <Step title={refused ? 'It was refused' : 'Its worst case was reserved'}>
          {compare(record.estimate, '0') > 0 && (
            <p>
              At most it could have cost <span className="tabular-nums">{dollars(record.estimate)}</span>.
            </p>
          )}
          {record.error && (
            <p className="text-bad">
              {record.error.replaceAll('_', ' ')}
              {record.fault ? `, caused by the ${record.fault}` : ''}
            </p>
          )}
          {record.refused_by && <RefusedBy by={record.refused_by} limits={limits} />}
          {record.error === 'unknown_price' && (
            <p>The model has no price here, and what has none is not let through.</p>
          )}
        </Step>
        {record.attempts.map((attempt, at) => (
          <Step key={`${attempt.upstream}-${at}`} title={`${attempt.upstream} was tried`}>
            <p>
              {attempt.status === null ? 'It answered nothing' : `It answered ${attempt.status}`} after{' '}
              {showDuration(attempt.duration_us)}: {attempt.error.replaceAll('_', ' ')}. That cost nothing.
            </p>
          </Step>
        ))}
        {record.upstream && (
          <Step title={`${record.upstream} was called`}>
            {record.first_byte_us !== null && <p>The first byte came after {showDuration(record.first_byte_us)}.</p>}
            {record.served_model && record.served_model !== record.model && (
              <p>It was served by {record.served_model}.</p>
            )}
          </Step>
        )}
        <Step title={`The client was answered ${record.status}`}>
          <p>After {showDuration(record.duration_us)}.</p>
        </Step>
        <Step title="It was settled">
          <p>{ending(record)}</p>
          {record.price_version && !refused && <p>By the prices of {record.price_version}.</p>}
        </Step>
      </ol>
    </Card>
  );
}

function Holds({ holds, limits }: { holds: Schemas['Hold'][]; limits: Limits }) {
  const amount = (hold: Schemas['Hold'], number: 'reserved' | 'spent' | 'unresolved') =>
    hold.unit && hold[number] !== undefined ? inUnit(hold[number], hold.unit) : '–';
  const back = (hold: Schemas['Hold']) => {
    if (!hold.unit || !hold.reserved || !hold.spent || !hold.unresolved) return '–';
    const left = minus(minus(hold.reserved, hold.spent), hold.unresolved);
    return compare(left, '0') > 0 ? inUnit(left, hold.unit) : '–';
  };
  return (
    <Card title="Its limits" note="What it took of each, in the window that it counts in.">
      {holds.length === 0 ? (
        <Empty title="It took nothing of any limit" />
      ) : (
        <Table
          label="Limits"
          head={
            <>
              <Th>Limit</Th>
              <Th>Window</Th>
              <Th className="text-right">Reserved</Th>
              <Th className="text-right">Spent</Th>
              <Th className="text-right">Went back</Th>
              <Th className="text-right">Unresolved</Th>
            </>
          }
        >
          {holds.map((hold) => (
            <tr key={`${hold.limit}-${hold.window}`}>
              <Td>
                {nameOf(hold.limit, limits)}
              </Td>
              <Td className="whitespace-nowrap text-muted">{hold.window?.replace('T', ' ') ?? 'for ever'}</Td>
              <Td className="text-right tabular-nums">{amount(hold, 'reserved')}</Td>
              <Td className="text-right tabular-nums">{amount(hold, 'spent')}</Td>
              <Td className="text-right tabular-nums">{back(hold)}</Td>
              <Td className="text-right tabular-nums">{amount(hold, 'unresolved')}</Td>
            </tr>
          ))}
        </Table>
      )}
    </Card>
  );
}

function UsageCard({ usage }: { usage: Schemas['Usage'] | null }) {
  if (!usage)
    return (
      <Card title="Usage">
        <Empty title="No usage is known">It was not called, or its reply named none.</Empty>
      </Card>
    );
  const { certainty, provider_cost, ...counts } = usage;
  const facts: [string, ReactNode][] = Object.entries(counts)
    .filter(([, count]) => count !== null)
    .map(([name, count]) => [name.replaceAll('_', ' '), <span className="tabular-nums">{plain(Number(count))}</span>]);
  if (provider_cost) facts.push(['by the provider', dollars(provider_cost)]);
  return (
    <Card title="Usage" note={certainty === 'exact' ? 'As the provider counted.' : 'At least: the reply broke off.'}>
      <Facts facts={facts} />
    </Card>
  );
}

export function RequestPage() {
  const { id = '' } = useParams();
  const query = useStory(id);
  const story = query.data;
  const record = story?.record;
  return (
    <Page
      title="Request"
      note={
        <span className="flex flex-wrap items-center gap-2">
          <code className="break-all">{id}</code>
          <CopyButton text={id} what="the request's id" />
        </span>
      }
      actions={
        <Button asChild>
          <Link to="/requests">All requests</Link>
        </Button>
      }
    >
      {query.error && <ProblemNote error={query.error} retry={() => void query.refetch()} />}
      {query.isPending && <Skeleton rows={8} />}
      {story && record && (
        <div className="space-y-4">
          <Card title="In short">
            <Facts
              facts={[
                ['Outcome', <Outcome record={record} />],
                [
                  'Cost',
                  <>
                    <span className="font-medium tabular-nums" data-number="cost">
                      {dollars(record.cost)}
                    </span>
                    {isOpen(record) && (
                      <span className="text-warn">
                        {' '}
                        or more: the rest of what it held was{' '}
                        <Link to="/unresolved" className="underline">
                          unresolved
                        </Link>
                      </span>
                    )}
                  </>,
                ],
                ['Account', <AccountName id={record.account} />],
                ['Key', <KeyName id={record.key} />],
                ...(record.tags ? ([['Tags', record.tags]] as [string, ReactNode][]) : []),
              ]}
            />
          </Card>
          <div className="grid items-start gap-4 lg:grid-cols-[3fr_2fr]">
            <Story record={record} limits={story.limits} />
            <UsageCard usage={record.usage} />
          </div>
          <PriceLines lines={story.price_lines} cost={record.cost} />
          <Holds holds={record.holds} limits={story.limits} />
        </div>
      )}
    </Page>
  );
}
