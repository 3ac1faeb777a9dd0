import { useState } from 'react';
import type { UsageSum } from '@/api/client';
import { type UsageFilter, useUsage } from '@/api/queries';
import { dollars, plain } from '@/lib/decimal';
import { BarList } from '@/parts/bar_list';
import { CostByDay } from '@/parts/cost_by_day';
import { Empty } from '@/parts/empty';
import { Page } from '@/parts/page';
import { ProblemNote } from '@/parts/problem';
import { filterError, UsageFilterForm } from '@/parts/usage_filter';
import { Card, Figure } from '@/ui/card';
import { Input, Select } from '@/ui/field';
import { type Choice, useChoice } from './choice';
import { groups, UsageBy } from './usage_by';

const times: [string, string][] = [
  ['1', 'Today'],
  ['7', '7 days'],
  ['30', '30 days'],
  ['90', '90 days'],
  ['all', 'All time'],
];

function Choices({ choice }: { choice: Choice }) {
  const [typed, setTyped] = useState(choice.tag);
  const chooseTag = () => choice.choose('by_tag', typed.trim());
  return (
    <>
      <Select
        label="Time"
        value={choice.days}
        onChange={(event) => choice.chooseDays(event.target.value)}
        className="w-36"
      >
        {choice.days === 'typed' && <option value="typed">From, until</option>}
        {times.map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </Select>
      <Select
        label="By"
        value={choice.by}
        onChange={(event) => choice.choose('by', event.target.value)}
        className="w-36"
      >
        {groups.map(({ by }) => (
          <option key={by} value={by}>
            {by}
          </option>
        ))}
      </Select>
      {choice.by === 'tag' && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            chooseTag();
          }}
        >
          <Input
            label="Name of the tag"
            placeholder="team"
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
            onBlur={chooseTag}
            className="w-36"
          />
        </form>
      )}
    </>
  );
}

function Totals({ filter }: { filter: UsageFilter }) {
  const usage = useUsage('total', filter, true);
  const accounts = useUsage('account', filter, true);
  const total = usage.data?.[0];
  const said = (text: (sum: UsageSum) => string) => (total ? text(total) : usage.isPending ? '…' : '–');
  return (
    <div className="grid grid-cols-2 gap-4 lg:grid-cols-5">
      <Figure name="Cost" value={<span data-number="total-cost">{said((sum) => dollars(sum.cost))}</span>} />
      <Figure
        name="Requests"
        value={said((sum) => plain(sum.requests))}
        note={said((sum) => `${plain(sum.refusals)} refused`)}
      />
      <Figure name="Tokens in" value={said((sum) => plain(sum.input_tokens))} />
      <Figure name="Tokens out" value={said((sum) => plain(sum.output_tokens))} />
      <Figure name="Active accounts" value={accounts.data ? plain(accounts.data.length) : '…'} />
    </div>
  );
}

function ByModel({ filter }: { filter: UsageFilter }) {
  const models = useUsage('model', filter, true);
  const items = models.data?.slice(0, 8).map((sum) => ({
    id: sum.group ?? '',
    name: sum.group || 'no model',
    cost: sum.cost,
  }));
  return (
    <Card title="Cost by model" note="In the time chosen above.">
      {models.error && <ProblemNote error={models.error} />}
      {items?.length === 0 && <Empty title="No model was called" />}
      {items && items.length > 0 && <BarList items={items} />}
    </Card>
  );
}

/** What the filter leaves. */
function Sums({ choice }: { choice: Choice }) {
  const { by, tag, filter } = choice;
  const { account, key, model, tag: tagged } = filter;
  return (
    <>
      <Totals filter={filter} />
      {by === 'tag' && !tag ? (
        <Empty title="Which tag?">Type its name, such as team: its values are summed apart.</Empty>
      ) : (
        <UsageBy key={choice.group} choice={choice} />
      )}
      <div className="grid items-start gap-4 lg:grid-cols-[2fr_1fr]">
        <CostByDay filter={{ account, key, model, tag: tagged }} />
        <ByModel filter={filter} />
      </div>
    </>
  );
}

export function Statistics() {
  const choice = useChoice();
  const total = useUsage('total', choice.filter, true);
  const refused = filterError(total.error) !== undefined;
  return (
    <Page title="Statistics" note="Sums of usage records." actions={<Choices choice={choice} />}>
      <div className="space-y-4">
        <section aria-label="Filter" className="rounded-xl border border-line bg-card p-4 sm:p-5">
          <UsageFilterForm error={total.error} />
        </section>
        {total.error && !refused && <ProblemNote error={total.error} retry={() => void total.refetch()} />}
        {!total.error && <Sums choice={choice} />}
      </div>
    </Page>
  );
}
