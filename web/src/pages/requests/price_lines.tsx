import type { Schemas } from '@/api/client';
import { dollars, plain, sum } from '@/lib/decimal';
import { Empty } from '@/parts/empty';
import { Card } from '@/ui/card';
import { Table, Td, Th } from '@/ui/table';

type Lines = Schemas['PriceLines'];

/** Units, of lines that count in parts of them. */
function quantity(line: Schemas['PriceLine']): string {
  return line.parts === 1 ? plain(line.quantity) : `${plain(line.quantity)} / ${plain(line.parts)}`;
}

function price(line: Schemas['PriceLine'], factors: string[]): string {
  const half = line.halved ? ' ÷ 2' : '';
  return `${dollars(line.price)}${half}${line.multiplied ? factors.map((factor) => ` × ${factor}`).join('') : ''}`;
}

/** How the cost came about, or in words why that is not known: what is not certain is not shown. */
export function PriceLines({ lines, cost }: { lines: Lines; cost: string }) {
  if (lines.status !== 'itemized')
    return (
      <Card title="Its cost, line by line">
        <Empty title={lines.status === 'no_cost' ? 'It cost nothing' : 'There are no lines'}>
          {lines.detail ? `${lines.detail.charAt(0).toUpperCase()}${lines.detail.slice(1)}.` : null}
        </Empty>
      </Card>
    );
  const amounts = lines.lines.map((line) => line.amount);
  const exact = amounts.every((amount) => amount !== null) ? sum(amounts as string[]) : null;
  return (
    <Card title="Its cost, line by line" note={`${lines.model} in the price book ${lines.book}.`}>
      <Table
        label="Price lines"
        head={
          <>
            <Th>What</Th>
            <Th className="text-right">Quantity</Th>
            <Th className="text-right">Price</Th>
            <Th className="text-right">Amount</Th>
          </>
        }
      >
        {lines.lines.map((line) => (
          <tr key={`${line.what}-${line.price_key}`} data-line={line.what}>
            <Td>
              {line.what}
              <div className="text-xs text-muted">{line.price_key}</div>
            </Td>
            <Td className="text-right tabular-nums">{quantity(line)}</Td>
            <Td className="text-right tabular-nums">{price(line, lines.factors)}</Td>
            <Td className="text-right tabular-nums" data-number="amount">
              {line.amount === null ? '–' : dollars(line.amount)}
            </Td>
          </tr>
        ))}
        <tr>
          <Td className="font-medium">In all</Td>
          <Td colSpan={2} className="text-right text-xs text-muted">
            {exact !== null && exact !== cost && `${dollars(exact)}, rounded up once to the nano-dollar`}
          </Td>
          <Td className="text-right font-medium tabular-nums" data-number="cost">
            {dollars(cost)}
          </Td>
        </tr>
      </Table>
    </Card>
  );
}
