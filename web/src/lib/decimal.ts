// Money and counters come from the API as decimal strings and stay that. Nothing here turns one into a JavaScript
// number but `share` and `pixels`, whose results are for lengths on the screen, and `readBps`, whose are whole.
import Big from 'big.js';

export type Decimal = string;

export function sum(amounts: readonly Decimal[]): Decimal {
  return amounts.reduce((total, amount) => total.plus(amount), new Big(0)).toFixed();
}

export function minus(from: Decimal, amount: Decimal): Decimal {
  return new Big(from).minus(amount).toFixed();
}

/** A price of a unit for a million of them. */
export function perMillion(price: Decimal): Decimal {
  return new Big(price).times(1_000_000).toFixed();
}

/** Below zero, zero or above, as Array.sort wants it. */
export function compare(left: Decimal, right: Decimal): number {
  return new Big(left).cmp(right);
}

export function isZero(amount: Decimal): boolean {
  return new Big(amount).eq(0);
}

/** How much of `whole` the part is, 0 to 1 and no more; of nothing, anything is all. */
export function share(part: Decimal, whole: Decimal): number {
  if (compare(part, '0') <= 0) return 0;
  if (compare(whole, '0') <= 0 || compare(part, whole) >= 0) return 1;
  return new Big(part).div(whole).toNumber();
}

/** The same in percent, cut off to two places: only all is shown as 100 %, and only nothing as 0 %. */
export function percent(part: Decimal, whole: Decimal): string {
  if (compare(whole, '0') <= 0) return compare(part, '0') > 0 ? '100 %' : '0 %';
  const cut = new Big(part).times(100).div(whole).round(2, Big.roundDown);
  return cut.eq(0) && compare(part, '0') > 0 ? '< 0.01 %' : `${cut.toFixed()} %`;
}

/** For a chart's lengths only. */
export function pixels(amount: Decimal): number {
  return Number(amount);
}

function grouped(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+$)/g, ',');
}

/** All its places, and thousands apart: `1234.5` is `1,234.5`. */
export function plain(amount: Decimal | number): string {
  const [whole = '0', places] = new Big(amount).abs().toFixed().split('.');
  const sign = new Big(amount).lt(0) ? '−' : '';
  return sign + grouped(whole) + (places ? `.${places}` : '');
}

/** Dollars, never rounded: `0.0001475` is `$0.0001475`, `3` is `$3.00`. */
export function dollars(amount: Decimal): string {
  const [whole = '0', places = ''] = new Big(amount).abs().toFixed().split('.');
  return `${new Big(amount).lt(0) ? '−' : ''}$${grouped(whole)}.${places.padEnd(2, '0')}`;
}

/** An amount of a limit in its unit. */
export function inUnit(amount: Decimal, unit: string): string {
  if (unit === 'usd') return dollars(amount);
  const words = unit.replaceAll('_', ' ');
  return `${plain(amount)} ${compare(amount, '1') === 0 ? words.replace(/s$/, '') : words}`;
}

/** What a person types as an amount: its digits, or undefined if it is none. */
export function readAmount(text: string): Decimal | undefined {
  const digits = text.trim().replace(/^\$/, '').replaceAll(',', '');
  return /^\d+(\.\d+)?$/.test(digits) ? digits : undefined;
}

/** Basis points as a percentage, exactly: 250 is `2.5`. */
export function bpsInPercent(bps: number): Decimal {
  return new Big(bps).div(100).toFixed();
}

/** What a person types as a percentage, in basis points; undefined if it is none, or is finer than they are. */
export function readBps(text: string): number | undefined {
  const percentage = readAmount(text.replace(/\s*%\s*$/, ''));
  if (percentage === undefined) return undefined;
  const bps = new Big(percentage).times(100);
  return bps.eq(bps.round()) && bps.lte(Number.MAX_SAFE_INTEGER) ? bps.toNumber() : undefined;
}
