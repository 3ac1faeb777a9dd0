// The charts. Amounts become numbers here, for their lengths; what is read stands in words and in the tooltip, exact.
import {
  Area,
  AreaChart,
  CartesianGrid,
  Cell,
  Pie,
  PieChart,
  ResponsiveContainer,
  Tooltip,
  XAxis,
  YAxis,
} from 'recharts';
import { dollars, pixels } from '@/lib/decimal';
import { showUtcDay } from '@/lib/time';

export interface Day {
  day: string;
  cost: string;
  requests: number;
}

function DayTip({ active, payload }: { active?: boolean; payload?: readonly { payload?: Day }[] }) {
  const day = payload?.[0]?.payload;
  if (!active || !day) return null;
  return (
    <div className="rounded-lg border border-line bg-card px-3 py-2 text-sm shadow-lg">
      <p className="text-muted">{showUtcDay(day.day)}</p>
      <p className="font-medium tabular-nums">{dollars(day.cost)}</p>
      <p className="text-muted tabular-nums">{day.requests} requests</p>
    </div>
  );
}

const tick = { fill: 'var(--muted)', fontSize: 12 };

/** An axis needs round numbers, not exact ones. */
function axisDollars(amount: number): string {
  return amount === 0 ? '$0' : `$${amount >= 1 ? amount.toLocaleString('en-US') : Number(amount.toPrecision(2))}`;
}

export function CostOverTime({ days }: { days: Day[] }) {
  const points = days.map((day) => ({ ...day, length: pixels(day.cost) }));
  return (
    <ResponsiveContainer width="100%" height={240}>
      <AreaChart data={points} margin={{ top: 8, right: 8, bottom: 0, left: 0 }} accessibilityLayer={false}>
        <CartesianGrid stroke="var(--line)" vertical={false} />
        <XAxis dataKey="day" tickFormatter={showUtcDay} tick={tick} tickLine={false} axisLine={false} minTickGap={32} />
        <YAxis tickFormatter={axisDollars} tick={tick} tickLine={false} axisLine={false} width={64} />
        <Tooltip content={<DayTip />} cursor={{ stroke: 'var(--strong-line)' }} isAnimationActive={false} />
        <Area
          dataKey="length"
          type="monotone"
          stroke="var(--bar-1)"
          strokeWidth={2}
          fill="var(--bar-1)"
          fillOpacity={0.15}
          isAnimationActive={false}
        />
      </AreaChart>
    </ResponsiveContainer>
  );
}

export interface Slice {
  name: string;
  count: number;
  color: string;
}

export function Doughnut({ slices }: { slices: Slice[] }) {
  return (
    <ResponsiveContainer width={160} height={160}>
      <PieChart accessibilityLayer={false}>
        <Pie
          data={slices.filter((slice) => slice.count > 0)}
          dataKey="count"
          nameKey="name"
          innerRadius={52}
          outerRadius={76}
          stroke="var(--card)"
          strokeWidth={2}
          rootTabIndex={-1}
          isAnimationActive={false}
        >
          {slices
            .filter((slice) => slice.count > 0)
            .map((slice) => (
              <Cell key={slice.name} fill={slice.color} />
            ))}
        </Pie>
      </PieChart>
    </ResponsiveContainer>
  );
}
