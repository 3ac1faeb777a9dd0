import type { Account } from '@/api/client';
import { bpsInPercent, dollars } from '@/lib/decimal';
import { Card } from '@/ui/card';

/** What is set of how it pays. Nothing, where it is held to limits only, at the prices of the account above. */
export function TermsCard({ account }: { account: Account }) {
  const { markup_bps: markup, top_up_fee_bps: topUpFee, monthly_fee: fee, book } = account;
  const terms: [string, string][] = [];
  if (markup > 0) terms.push(['Markup', `${bpsInPercent(markup)} % on top of what calls cost`]);
  if (topUpFee > 0) terms.push(['Top-up fee', `${bpsInPercent(topUpFee)} % of what is paid in`]);
  if (fee) terms.push(['Monthly fee', `${dollars(fee.amount)} on day ${fee.day} of the month (${fee.time_zone})`]);
  if (book) terms.push(['Price book', book]);
  if (terms.length === 0) return null;
  return (
    <Card title="How it pays">
      <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-6 gap-y-2 text-sm">
        {terms.map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-muted">{name}</dt>
            <dd className="break-words tabular-nums">{value}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}
